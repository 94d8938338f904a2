/* Chance as Python's: the same numbers as random.Random(seed), so that a figure can show what rnnlib draws.

   const rng = Kit.random(7)      like random.Random(7)
   rng.bits(k)                    getrandbits(k), k from 1 to 32
   rng.randint(low, high)         a whole number, both ends included
   rng.random()                   from 0 to 1
   rng.shuffle(list)              in place, and returned

   The Mersenne Twister (Matsumoto and Nishimura, 1998), seeded as Python does it: init_by_array([seed]). */
(function (Kit) {
  "use strict";
  const N = 624, M = 397;

  function seeded(seed) {
    const state = new Uint32Array(N), key = [seed >>> 0];
    const high = Math.floor(seed / 2 ** 32);
    if (high) key.push(high >>> 0);
    state[0] = 19650218;
    for (let i = 1; i < N; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
    let i = 1, j = 0;
    const next = () => { if (++i >= N) { state[0] = state[N - 1]; i = 1; } };
    const mixed = (factor) => state[i] ^ Math.imul(state[i - 1] ^ (state[i - 1] >>> 30), factor);
    for (let n = Math.max(N, key.length); n; n--) {
      state[i] = mixed(1664525) + key[j] + j;
      next();
      if (++j >= key.length) j = 0;
    }
    for (let n = N - 1; n; n--) {
      state[i] = mixed(1566083941) - i;
      next();
    }
    state[0] = 0x80000000;
    return state;
  }

  function twist(state) {
    for (let i = 0; i < N; i++) {
      const y = (state[i] & 0x80000000) | (state[(i + 1) % N] & 0x7fffffff);
      state[i] = state[(i + M) % N] ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
  }

  function random(seed) {
    const state = seeded(Math.abs(Math.trunc(seed) || 0));
    let at = N;
    function word() {
      if (at >= N) { twist(state); at = 0; }
      let y = state[at++];
      y ^= y >>> 11;
      y ^= (y << 7) & 0x9d2c5680;
      y ^= (y << 15) & 0xefc60000;
      return (y ^ (y >>> 18)) >>> 0;
    }
    const bits = (k) => word() >>> (32 - k);
    /* Python draws as many bits as n has, until the number is below n. */
    function below(n) {
      const k = 32 - Math.clz32(n);
      let r = bits(k);
      while (r >= n) r = bits(k);
      return r;
    }
    return {
      bits,
      randint: (low, high) => low + below(high - low + 1),
      random: () => ((word() >>> 5) * 67108864 + (word() >>> 6)) / 9007199254740992,
      shuffle(list) {
        for (let i = list.length - 1; i > 0; i--) {
          const j = below(i + 1);
          [list[i], list[j]] = [list[j], list[i]];
        }
        return list;
      },
    };
  }

  Kit.random = random;
})(globalThis.Kit);
