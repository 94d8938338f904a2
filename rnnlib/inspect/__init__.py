from rnnlib.inspect.trace import trace_shapes
