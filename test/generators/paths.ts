import { type Seeded, seeded } from './seeded.ts'

/** Spellings of one dot: plain, encoded, doubly encoded, overlong UTF-8, `%u`, full width. */
const dots = [
  '.',
  '%2e',
  '%2E',
  '%252e',
  '%25252e',
  '%c0%2e',
  '%c0%ae',
  '%e0%80%ae',
  '%f0%80%80%ae',
  '%f8%80%80%80%ae',
  '%u002e',
  '%u002E',
  '%uff0e',
  '%ef%bc%8e',
  '%e2%80%a4',
]

/** Whole dot segments that are not simply two dots of one spelling. */
const odd = [
  '..;',
  '..;x=1',
  '..%3b',
  '..%3Bx',
  '...',
  '....',
  '.%00.',
  '..%00',
  '..%20',
  '%20..',
  '..%09',
  '..%0d',
  '.%0a.',
  '\u00e2\u0080\u00a5',
  '%e2%80%a5',
  '..%ff',
  '..~',
  '..::$DATA',
]

const slashes = [
  '/',
  '%2f',
  '%2F',
  '%252f',
  '%25252F',
  '\\',
  '%5c',
  '%5C',
  '%255c',
  '%c0%af',
  '%c1%9c',
  '%e0%80%af',
  '%u2215',
  '%u2216',
  '%ef%bc%8f',
  '%e2%88%95',
  '%e2%81%84',
  '//',
  '/./',
  '/;/',
  '/;x=1/',
  '%2f/',
  '/%2f',
]

const suffixes = [
  'admin',
  'admin/keys',
  'etc/passwd',
  'v1/private',
  'admin?x=1',
  'admin#x',
  'admin%00.png',
  'admin;.css',
  'admin%3f',
  '',
  '.',
  '?/../..',
]
const lead = ['', '', '', 'a/', 'a/b/', 'a;x=y/', './', 'a%2f', '%2e/', 'x.png/']

/** A dot segment: two dots in any two spellings, or one of the odd forms. */
function dotSegment(random: Seeded): string {
  return random.chance(5) ? random.pick(odd) : random.pick(dots) + random.pick(dots)
}

/** One request target that tries to leave `base`. */
export interface HostilePath {
  readonly path: string
}

/**
 * `count` request targets below `base` that try to leave it: dot segments × separators × encodings × depth × suffix.
 * Every pair of spellings of a dot with every separator, and longer ones drawn at random, in random order. Characters are bytes (latin1).
 */
export function generatePaths(options: { seed: number; count: number; base?: string }): HostilePath[] {
  const { seed, count, base = '/v1/public/' } = options
  const random = seeded(seed)
  const out = new Set<string>()
  for (const first of dots) {
    for (const second of dots) {
      for (const slash of slashes) out.add(`${base}${first}${second}${slash}admin`)
    }
  }
  while (out.size < count) {
    let text = base + random.pick(lead)
    for (let depth = 1 + random.below(6); depth > 0; depth--) text += dotSegment(random) + random.pick(slashes)
    out.add(text + random.pick(suffixes))
  }
  return random
    .shuffle([...out])
    .slice(0, count)
    .map((path) => ({ path }))
}
