import { seeded } from './seeded.ts'

const c0 = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code))
const c1 = Array.from({ length: 33 }, (_, at) => String.fromCharCode(0x7f + at))
const bidi = [
  '\u061c',
  '\u200e',
  '\u200f',
  '\u202a',
  '\u202b',
  '\u202c',
  '\u202d',
  '\u202e',
  '\u2066',
  '\u2067',
  '\u2068',
  '\u2069',
]
const invisible = [
  '\u00ad',
  '\u034f',
  '\u115f',
  '\u180e',
  '\u200b',
  '\u200c',
  '\u200d',
  '\u2060',
  '\ufeff',
  '\ufffc',
  '\u{e0001}',
  '\u{e0041}',
]
const lineEnds = [
  '\r',
  '\n',
  '\r\n',
  '\u0085',
  '\u2028',
  '\u2029',
  '\u010d\u010a',
  '\u560d\u560a',
  '%0d%0a',
  '\\r\\n',
  '\r\n\r\n',
  '\n\n',
]
const homoglyphs = [
  'аgent',
  'аdmin',
  'ореrаtоr',
  'сlаvіgеr',
  'ɑgent',
  'ａｇｅｎｔ',
  '𝐚𝐠𝐞𝐧𝐭',
  'agеnt',
  'ⅼocalhost',
  'exаmple.com',
]
const markup = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "';alert(1)//",
  '</title><svg/onload=alert(1)>',
  '{{7*7}}',
  '\u0024{7*7}',
  '#{7*7}',
  '<%= 7*7 %>',
  'javascript:alert(1)',
  'data:text/html,<script>1</script>',
  '&lt;script&gt;',
  '<!--',
  ']]>',
  '<a href="//evil.test">x</a>',
  '[x](javascript:alert(1))',
]
const terminal = [
  '\x1b[2J',
  '\x1b]0;title\x07',
  '\x1b[31mred',
  '\x1b[1;1H',
  '\x9b31m',
  '\x1bP+q\x1b\\',
  '\x1b]52;c;ZXZpbA==\x07',
  '\x08\x08\x08',
  '\x1b[8m',
]
const formats = [
  '%s%s%s%n',
  '%x%x%x',
  '{0}',
  '{}',
  '%d',
  '%%',
  '$(id)',
  '`id`',
  '; id',
  '| id',
  '&& id',
  '$IFS',
  '../../etc/passwd',
  '..\\..\\',
  'C:\\',
  '\\\\host\\share',
  '/dev/null',
  'file:///etc/passwd',
]
const sql = [
  "' OR 1=1 --",
  '"; DROP TABLE agents; --',
  "\\'",
  "' UNION SELECT 1 --",
  '1; ATTACH DATABASE',
  "x' AND (SELECT 1)='1",
  '%27',
  '\u02bc',
]
const names = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'NaN',
  'true',
  '[object Object]',
  'Infinity',
  '-0',
  '0',
  '',
  ' ',
  '.',
  '..',
  '~',
  '-',
  '--help',
  '-rf',
]
const surrogates = ['\ud800', '\udfff', 'a\ud83d', '\ude00a', '\ud800\ud800', '\udc00\ud800']
const combining = [
  'e\u0301'.repeat(50),
  'Z\u0335\u0321\u0322'.repeat(30),
  '\u0344',
  '\ufdfa'.repeat(20),
  '\u1e9e',
  'İ',
  'ı',
  'ſ',
  'ﬀ',
  'ŉ',
]
const lengths = [255, 256, 1_023, 1_024, 8_191, 8_192, 16_384, 65_535, 65_536, 100_000].map((n) => 'A'.repeat(n))

/** At least `atLeast` strings that have broken programs; the tail mixes pieces, drawn by the seed. */
export function hostileStrings(seed: number, atLeast = 400): string[] {
  const pieces = [
    c0,
    c1,
    bidi,
    invisible,
    lineEnds,
    homoglyphs,
    markup,
    terminal,
    formats,
    sql,
    names,
    surrogates,
    combining,
  ]
  const out = [...pieces.flat(), ...lengths]
  out.push(...[...c0, ...c1, ...bidi, ...invisible, ...lineEnds].map((piece) => `a${piece}b`))
  out.push(...lineEnds.map((end) => `x${end}Authorization: Bearer evil`))
  const random = seeded(seed)
  while (out.length < atLeast) {
    out.push(Array.from({ length: 2 + random.below(4) }, () => random.pick(random.pick(pieces))).join('x'))
  }
  return [...new Set(out)]
}
