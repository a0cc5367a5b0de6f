import { type Seeded, seeded } from './seeded.ts'

/** One request body and the content type it claims. */
export interface HostileBody {
  readonly name: string
  readonly type: string
  readonly bytes: Buffer
}

const json = 'application/json'
const text = (name: string, value: string, type = json): HostileBody => ({
  name,
  type,
  bytes: Buffer.from(value, 'utf8'),
})
const binary = (name: string, bytes: readonly number[], type = json): HostileBody => ({
  name,
  type,
  bytes: Buffer.from(bytes),
})
const quoted = (value: string): number[] => [...Buffer.from(value, 'latin1')]

/** JSON that readers understand differently, or that breaks careless ones. */
function ambiguousJson(): HostileBody[] {
  return [
    text('empty', ''),
    text('space', ' \n\t '),
    text('duplicate', '{"service":"a","service":"b"}'),
    text('duplicate escaped', '{"service":"a","\\u0073ervice":"b"}'),
    text('proto', '{"__proto__":{"admin":true},"service":"a"}'),
    text('constructor', '{"constructor":{"prototype":{"admin":true}}}'),
    binary('bom', [0xef, 0xbb, 0xbf, ...quoted('{}')]),
    binary('utf-16', [0xff, 0xfe, 0x7b, 0, 0x7d, 0]),
    binary('invalid utf-8', [...quoted('{"a":"'), 0xff, 0xfe, ...quoted('"}')]),
    binary('overlong', [...quoted('{"a":"'), 0xc0, 0xaf, ...quoted('"}')]),
    binary('cut utf-8', [...quoted('{"a":"'), 0xe2, 0x82, ...quoted('"}')]),
    binary('nul', [...quoted('{"a":"'), 0, ...quoted('"}')]),
    binary('nul outside', [...quoted('{"a":1}'), 0]),
    text('big number', '{"n":123456789012345678901234567890}'),
    text('exponent', '{"n":1e999}'),
    text('minus zero', '{"n":-0}'),
    text('fraction', '{"n":0.1000000000000000055511151231257827}'),
    text('lone surrogate', '{"a":"\\ud800"}'),
    text('comment', '{"a":1/*x*/}'),
    text('trailing comma', '{"a":1,}'),
    text('single quotes', "{'a':1}"),
    text('two values', '{} {}'),
    text('nan', '{"a":NaN}'),
    text('unquoted', '{a:1}'),
    text('escape', '{"a":"\\x41"}'),
    text('newline in text', '{"a":"\n"}'),
    text('deep array', `${'['.repeat(10_000)}${']'.repeat(10_000)}`),
    text('deep object', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
    text('open array', '['.repeat(50_000)),
    text('many keys', `{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":${n}`).join(',')}}`),
    text('long text', `{"a":"${'x'.repeat(65_536)}"}`),
    text('long name', `{"${'x'.repeat(65_536)}":1}`),
    text('array at top', '[]'),
    text('text at top', '"x"'),
    text('number at top', '1'),
    text('null at top', 'null'),
    text('true at top', 'true'),
    text('batch', '[{"service":"a","method":"GET","path":"/"},{"service":"b","method":"DELETE","path":"/"}]'),
  ]
}

/** Content types that a careless reader takes for JSON, or chokes on. */
const types: readonly string[] = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=',
  'multipart/form-data; boundary="a\\"b"',
  'multipart/form-data; boundary=x; boundary=y',
  'application/json; charset=utf-7',
  'application/json; charset=utf-16',
  'application/json; charset=utf-8; charset=latin1',
  'application/json;charset="utf-8"',
  'application/json, text/plain',
  'Application/JSON',
  'application/json ',
  'application/jsonx',
  'text/json',
  'application/xml',
  '*/*',
  'application',
  '/',
  '',
]

const multipart = (boundary: string, parts: readonly string[]): string =>
  `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')}--${boundary}--\r\n`

function multiparts(): HostileBody[] {
  const field = (name: string, value: string): string =>
    `Content-Disposition: form-data; name="${name}"\r\n\r\n${value}`
  const shapes = [
    multipart('x', [field('a', '1'), field('a', '2')]),
    multipart('x', [field('__proto__', '1')]),
    multipart('x', ['Content-Disposition: form-data; name="f"; filename="../../x"\r\n\r\nz']),
    multipart('x', ['Content-Disposition: form-data; name=a; name=b\r\n\r\nz']),
    multipart('x', [field('a', '--x')]),
    '--x\r\n',
    '--x--',
    multipart(
      'x',
      Array.from({ length: 2_000 }, (_, n) => field(`f${n}`, '1')),
    ),
  ]
  return shapes.map((shape, n) => text(`multipart ${n}`, shape, 'multipart/form-data; boundary=x'))
}

const wrongValues: readonly string[] = [
  'null',
  'true',
  '0',
  '-1',
  '1.5',
  '""',
  '"x"',
  '[]',
  '{}',
  '[[]]',
  '"\\u0000"',
  '1e9',
  '[null]',
  '{"toString":1}',
]

/** The valid body with one known member of the wrong kind or missing, or with a member that nobody knows. */
function wrongKinds(members: readonly string[], valid: string): HostileBody[] {
  const fields = JSON.parse(valid) as Record<string, unknown>
  const written = (changed: Readonly<Record<string, unknown>>): string => JSON.stringify({ ...fields, ...changed })
  const out: HostileBody[] = []
  for (const member of members) {
    out.push(text(`without ${member}`, written({ [member]: undefined })))
    for (const value of wrongValues) out.push(text(`${member}=${value}`, written({ [member]: JSON.parse(value) })))
  }
  for (const extra of ['admin', 'base_url', 'api_base', 'url', 'endpoint', 'host', '', '\u0000', 'a'.repeat(300)]) {
    out.push(text(`unknown ${extra.slice(0, 12)}`, written({ [extra]: 'http://evil.test' })))
  }
  out.push(text('own proto', valid.replace('{', '{"__proto__":{"admin":true},')))
  return out
}

/** One valid body with bytes changed, cut or doubled. */
function mutated(valid: string, random: Seeded, n: number): HostileBody {
  const bytes = Buffer.from(valid, 'utf8')
  const at = random.below(bytes.length)
  const kinds: readonly (() => Buffer)[] = [
    () => Buffer.concat([bytes.subarray(0, at), Buffer.from([random.below(256)]), bytes.subarray(at + 1)]),
    () => bytes.subarray(0, at),
    () => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at, at + 1), bytes.subarray(at)]),
    () => Buffer.concat([bytes.subarray(0, at), random.bytes(1 + random.below(8)), bytes.subarray(at)]),
    () => Buffer.concat([bytes, bytes]),
  ]
  return { name: `mutated ${n}`, type: json, bytes: random.pick(kinds)() }
}

/**
 * At least `atLeast` hostile bodies. `members` are the names an endpoint knows, `valid` a body it takes: both make the
 * list bite on that endpoint.
 */
export function hostileBodies(seed: number, members: readonly string[], valid: string, atLeast = 1_000): HostileBody[] {
  const random = seeded(seed)
  const out = [...ambiguousJson(), ...multiparts(), ...wrongKinds(members, valid)]
  out.push(...types.map((type) => text(`type ${type}`, valid, type)))
  while (out.length < atLeast) out.push(mutated(valid, random, out.length))
  return out
}
