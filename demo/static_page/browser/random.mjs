// A port of numpy.random.default_rng(seed), so that a seed makes the same digits here as in Python.

const MASK_32 = 0xffffffffn;
const MASK_64 = (1n << 64n) - 1n;
const MASK_128 = (1n << 128n) - 1n;
const PCG_MULTIPLIER = (2549297995355413924n << 64n) + 4865540595714422341n;

// Where the tail of the normal distribution begins, and the area of each of the 256 layers of the ziggurat.
const TAIL = 3.6541528853610087963519472518;
const AREA = 0.0049286732339746519;
const LAYERS = 256;
const FRACTION = 2 ** 23;

/**
 * Create a random generator.
 *
 * @param {number} seed 0 to 2^32 - 1
 * @returns {{standardNormal: (count: number) => Float32Array, integers: (bound: number, count: number) =>
 *   number[]}} like Generator.standard_normal(count, float32) and Generator.integers(0, bound, count)
 */
export function defaultRandom(seed) {
  const next = pcg64(seedSequence(seed));
  return {
    standardNormal: (count) => Float32Array.from({ length: count }, () => normal(next)),
    integers: (bound, count) => Array.from({ length: count }, () => bounded(next, bound)),
  };
}

/** numpy's SeedSequence: spread a seed over 256 bits, returned as eight 32-bit words. */
function seedSequence(seed) {
  let constant = 0x43b0d7e5;
  function hash(word) {
    const mixed = word ^ constant;
    constant = Math.imul(constant, 0x931e8875);
    return shifted(Math.imul(mixed, constant));
  }
  const pool = [seed, 0, 0, 0].map(hash);
  for (let from = 0; from < 4; from++) {
    for (let to = 0; to < 4; to++) {
      if (from === to) continue;
      const other = hash(pool[from]);
      pool[to] = shifted((Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, other)) | 0);
    }
  }
  constant = 0x8b51f9dd;
  return Array.from({ length: 8 }, (_, index) => {
    const mixed = pool[index % 4] ^ constant;
    constant = Math.imul(constant, 0x58f38ded);
    return shifted(Math.imul(mixed, constant)) >>> 0;
  });
}

const shifted = (word) => word ^ (word >>> 16);

/** PCG64. Each 64-bit number is returned as two of 32 bits, the lower half first. */
function pcg64(words) {
  const [high, low, highStream, lowStream] = [0, 2, 4, 6].map(
    (index) => BigInt(words[index]) | (BigInt(words[index + 1]) << 32n),
  );
  const increment = ((((highStream << 64n) | lowStream) << 1n) | 1n) & MASK_128;
  const step = (state) => (state * PCG_MULTIPLIER + increment) & MASK_128;
  let state = step((increment + ((high << 64n) | low)) & MASK_128);
  let kept = null;
  return () => {
    if (kept !== null) {
      const upper = kept;
      kept = null;
      return upper;
    }
    state = step(state);
    const folded = (state >> 64n) ^ (state & MASK_64);
    const turn = state >> 122n;
    const turned = ((folded >> turn) | (folded << (64n - turn))) & MASK_64;
    kept = Number(turned >> 32n);
    return Number(turned & MASK_32);
  };
}

/** Draw an integer below a bound, uniformly, with Lemire's method. */
function bounded(next, bound) {
  const refused = BigInt((2 ** 32 - bound) % bound);
  for (;;) {
    const product = BigInt(next()) * BigInt(bound);
    if ((product & MASK_32) >= refused) return Number(product >> 32n);
  }
}

const fraction = (next) => Math.fround((next() >>> 8) / 2 ** 24);

const { width, limit, density } = ziggurat();

/** Draw a float32 from the standard normal distribution, with the ziggurat method. */
function normal(next) {
  for (;;) {
    const word = next();
    const layer = word & 0xff;
    const size = (word >>> 9) & 0x7fffff;
    const unsigned = Math.fround(size * width[layer]);
    const found = word & 0x100 ? -unsigned : unsigned;
    if (size < limit[layer]) return found;
    if (layer === 0) {
      const beyond = tail(next);
      return (size >>> 8) & 1 ? -beyond : beyond;
    }
    const height = Math.fround(Math.fround(density[layer - 1] - density[layer]) * fraction(next));
    if (Math.fround(height + density[layer]) < Math.exp(-0.5 * found * found)) return found;
  }
}

function tail(next) {
  for (;;) {
    const across = Math.fround(Math.fround(Math.log1p(-fraction(next))) * Math.fround(-1 / TAIL));
    const up = -Math.fround(Math.log1p(-fraction(next)));
    if (up + up > across * across) return Math.fround(Math.fround(TAIL) + across);
  }
}

/** By layer: its width per unit of `size`, the limit below which `size` is certainly inside, its density. */
function ziggurat() {
  const heightOf = (x) => Math.exp(-0.5 * x * x);
  const edges = new Float64Array(LAYERS);
  edges[LAYERS - 1] = TAIL;
  for (let layer = LAYERS - 2; layer > 0; layer--) {
    edges[layer] = Math.sqrt(-2 * Math.log(AREA / edges[layer + 1] + heightOf(edges[layer + 1])));
  }
  const base = AREA / heightOf(TAIL);
  const limits = Uint32Array.from(edges, (edge, layer) => (edges[layer - 1] / edge) * FRACTION);
  limits[0] = (TAIL / base) * FRACTION;
  limits[1] = 0;
  const widths = Float32Array.from(edges, (edge) => edge / FRACTION);
  widths[0] = base / FRACTION;
  return { width: widths, limit: limits, density: Float32Array.from(edges, heightOf) };
}
