/* What networks drawn at random need.

   Kit.normals(rng, count)   normal numbers from the uniform ones of a Kit.random, two at a time (Box and Muller)
   Kit.radius(W, n)          the spectral radius of W [n, n], row by row: the largest absolute value of an eigenvalue */
(function (Kit) {
  "use strict";
  function normals(rng, count) {
    const out = new Float64Array(count);
    for (let i = 0; i < count; i += 2) {
      const r = Math.sqrt(-2 * Math.log(1 - rng.random())), turn = 2 * Math.PI * rng.random();
      out[i] = r * Math.cos(turn);
      if (i + 1 < count) out[i + 1] = r * Math.sin(turn);
    }
    return out;
  }

  /* The limit of |W^n|^(1/n), with n doubled by squaring. */
  function radius(W, n) {
    let A = Array.from(W), log = 0;
    for (let k = 0; k < 34; k++) {
      const size = Math.sqrt(A.reduce((sum, v) => sum + v * v, 0)), B = new Array(n * n).fill(0);
      log += Math.log(size) / 2 ** k;
      A = A.map((v) => v / size);
      for (let i = 0; i < n; i++) {
        for (let l = 0; l < n; l++) for (let j = 0; j < n; j++) B[i * n + j] += A[i * n + l] * A[l * n + j];
      }
      A = B;
    }
    return Math.exp(log);
  }

  Object.assign(Kit, { normals, radius });
})(globalThis.Kit);
