// The hostile requests of S11: what is sent, byte for byte, and what a forward of it may look like.
import { hostileBodies } from '../test/generators/bodies.ts'
import { framings } from '../test/generators/framing.ts'
import { headerSpellings } from '../test/generators/header-spellings.ts'
import { hostileStrings } from '../test/generators/hostile-strings.ts'
import { generatePaths } from '../test/generators/paths.ts'
import { seeded } from '../test/generators/seeded.ts'

export interface HostileCase {
  readonly name: string
  readonly door: 'agent' | 'operator'
  readonly bytes: Buffer
  /** The only targets, byte for byte, that a forward of it may have at the upstream. */
  readonly mayForward: readonly string[]
}

export interface HostilePlace {
  /** The Host value of the agents' listener. */
  readonly host: string
  readonly token: string
  readonly operatorToken: string
  /** Where E listens: `127.0.0.1:port`. */
  readonly attacker: string
}

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
/** A value whose presence at the upstream shows that the caller's own header went through. */
export const callersOwn = 'callers-own-value-9f2c'

const authorised = (place: HostilePlace): string => `Authorization: Bearer ${place.token}\r\n`
const operatorHeader = (place: HostilePlace): string => `Authorization: Bearer ${place.operatorToken}\r\n`
const belowService = (target: string): string => target.slice('/to/u'.length) || '/'
const caseOf = (name: string, bytes: Buffer, mayForward: readonly string[] = []): HostileCase => ({
  name,
  door: 'agent',
  bytes,
  mayForward,
})

function framingCases(place: HostilePlace, seed: number, count: number): HostileCase[] {
  const headers = authorised(place)
  const atService = framings({ path: '/to/u/f', host: place.host, headers }, seed, count)
  const native = framings({ path: '/claviger/v1/explain?n', host: place.host, headers }, seed, Math.ceil(count / 2))
  const asOperator = { path: '/claviger/v1/agents?n', host: 'localhost', headers: operatorHeader(place) }
  return [
    ...atService.map(({ name, bytes, path, smuggled, mayPipeline }) =>
      caseOf(name, bytes, (mayPipeline ? [path, smuggled] : [path]).map(belowService)),
    ),
    ...native.map(({ name, bytes }) => caseOf(`native ${name}`, bytes)),
    ...framings(asOperator, seed, Math.ceil(count / 4)).map(({ name, bytes }) => ({
      ...caseOf(`operator ${name}`, bytes),
      door: 'operator' as const,
    })),
  ]
}

/** Request lines and headers that are no requests for a service, or name another origin. */
function formCases(place: HostilePlace): HostileCase[] {
  const targets = [
    '//',
    '/',
    '*',
    '/to',
    '/to/',
    '/to//',
    '/to/u',
    '/to//u/x',
    '/to/%75/x',
    '/TO/u/x',
    '/to/u/../v/x',
    '/to/U/x',
    '/to/nobody/x',
    `http://${place.attacker}/x`,
    `http://${place.host}/to/u/x`,
    `//${place.attacker}/x`,
    `/to/${place.attacker}/x`,
    `/to/http://${place.attacker}/x`,
    `/to/u@${place.attacker}/x`,
    `/to/u/\\\\${place.attacker}/x`,
    `/to/u/@${place.attacker}/x`,
    `/to/u/x?url=http://${place.attacker}/&base_url=http://${place.attacker}/`,
    '/to/u/x#fragment',
    '/to/u/a b',
    '/to/u/\x00',
    '/to/u/\x01x',
    '/to/u/\x7f',
    '/to/u/é',
    `/to/u/${'a'.repeat(9_000)}`,
    `/to/u/x?${'a=1&'.repeat(3_000)}`,
    '',
    '?',
    '/%',
    '/%00',
    '/%c0%af',
    '/claviger/v1/../v1/health',
    '/claviger/v1/agents',
    '/claviger/v1/emergency-revoke',
    '/claviger',
    place.attacker,
    `${place.attacker}:443`,
  ]
  const methods = [
    'GET',
    'POST',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'TRACK',
    'CONNECT',
    'PROPFIND',
    'PRI',
    'get',
    'G E T',
    '',
    'A'.repeat(300),
    'GET\x00',
  ]
  return methods.flatMap((method) =>
    targets.map((target) =>
      caseOf(
        `form ${method.slice(0, 12)} ${target.slice(0, 40)}`,
        latin1(`${method} ${target} HTTP/1.1\r\nHost: ${place.host}\r\n${authorised(place)}\r\n`),
        /^\/to\/u(\/|$)/.test(target) ? [belowService(target)] : [],
      ),
    ),
  )
}

/** Headers that are large, many, doubled, in conflict, or ever meant "send it elsewhere". */
function headerCases(place: HostilePlace): HostileCase[] {
  const many = (count: number): string => Array.from({ length: count }, (_, n) => `X-${n}: v\r\n`).join('')
  const elsewhere = [
    'endpoint',
    'url',
    'api_base',
    'base_url',
    'host',
    'azure_endpoint',
    'X-Target',
    'X-Target-URL',
    'X-Upstream',
    'X-Forwarded-Host',
    'X-Forwarded-Server',
    'X-Forwarded-Uri',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-Host',
    'X-HTTP-Host-Override',
    'Destination',
    'Location',
    'Forwarded',
    'Api-Base',
    'Base-Url',
    'Azure-Endpoint',
  ]
  const blocks: readonly (readonly [string, string])[] = [
    ['100 kB header', `X: ${'a'.repeat(100_000)}\r\n`],
    ['100 kB of headers', many(9_000)],
    ['101 headers', many(101)],
    ['long name', `${'X'.repeat(20_000)}: 1\r\n`],
    ['two hosts', `Host: ${place.attacker}\r\n`],
    ['two hosts alike', `Host: ${place.host}\r\n`],
    ['two tokens', `Authorization: Bearer ${callersOwn}\r\n`],
    ['token twice', authorised(place)],
    ['two types', 'Content-Type: text/plain\r\nContent-Type: application/json\r\n'],
    ['bad length', 'Content-Length: x\r\n'],
    ['two lengths', 'Content-Length: 0\r\nContent-Length: 1\r\n'],
    ['expect', 'Expect: 100-continue\r\nContent-Length: 0\r\n'],
    ['expect other', 'Expect: 200-ok\r\n'],
    [
      'upgrade',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
    ],
    [
      'upgrade h2c',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
    ],
    ['no name', ': v\r\n'],
    ['no colon', 'nothing\r\n'],
    ['nul', 'X: a\x00b\r\n'],
    ['underscore', `X_Api_Key: ${callersOwn}\r\n`],
    ...elsewhere.map((name) => [name, `${name}: http://${place.attacker}/\r\n`] as const),
  ]
  return blocks.map(([name, block], n) =>
    caseOf(`header ${name}`, get(`/hd-${n}`, place, `${authorised(place)}${block}`), [`/hd-${n}`]),
  )
}

const get = (path: string, place: HostilePlace, headers: string): Buffer =>
  latin1(`GET /to/u${path} HTTP/1.1\r\nHost: ${place.host}\r\n${headers}\r\n`)

function spellingCases(place: HostilePlace): HostileCase[] {
  const names = ['Authorization', 'X-Api-Key', 'Cookie', 'Proxy-Authorization', 'Api-Key', 'X-Auth-Token']
  return headerSpellings(names, callersOwn).map(({ name, lines }, n) =>
    caseOf(`spelling ${name}`, get(`/hs-${n}`, place, `X-Api-Key: ${place.token}\r\n${lines}`), [`/hs-${n}`]),
  )
}

/** Hostile strings as a header's value, as bytes of UTF-8: what a careless client would put there. */
function valueCases(place: HostilePlace, seed: number, count: number): HostileCase[] {
  return hostileStrings(seed, count).map((value, n) => {
    const line = Buffer.from(`X-Note: ${value}\r\n`, 'utf8').toString('latin1')
    return caseOf(`value #${n}`, get(`/hv-${n}`, place, `${authorised(place)}${line}`), [`/hv-${n}`])
  })
}

/** `narrow` allows only what lies below /v1/public/, at the same upstream. */
function pathCases(place: HostilePlace, seed: number, count: number): HostileCase[] {
  return generatePaths({ seed, count }).map(({ path }) => {
    const bytes = latin1(`GET /to/narrow${path} HTTP/1.1\r\nHost: ${place.host}\r\n${authorised(place)}\r\n`)
    return caseOf(`path ${path.slice(0, 60)}`, bytes, [path])
  })
}

/** Endpoints that take a body, the members they know, and a body of the right shape. */
const endpoints: readonly (readonly [HostileCase['door'], string, readonly string[], string])[] = [
  [
    'agent',
    '/claviger/v1/call',
    ['service', 'method', 'path', 'query', 'headers', 'body', 'bodyBase64'],
    '{"service":"sink","method":"GET","path":"/x"}',
  ],
  [
    'agent',
    '/claviger/v1/explain',
    ['service', 'method', 'path', 'query'],
    '{"service":"sink","method":"GET","path":"/x"}',
  ],
  ['operator', '/claviger/v1/agents', ['name', 'note'], '{"name":"by-hostile-body"}'],
  [
    'operator',
    '/claviger/v1/services',
    ['name', 'origins', 'injection', 'addresses', 'actions', 'paths'],
    '{"name":"hb","origins":["https://example.com"]}',
  ],
  [
    'operator',
    '/claviger/v1/credentials',
    ['handle', 'service', 'secret', 'meta', 'expiresAt'],
    '{"handle":"hb","service":"u","secret":"s-0123456789"}',
  ],
  ['operator', '/claviger/v1/tokens', ['agent', 'ttl', 'expiresAt'], '{"agent":"agent-of-u"}'],
  [
    'operator',
    '/claviger/v1/grants',
    ['agent', 'service', 'scopes', 'credential', 'rpm', 'uses', 'expiresAt'],
    '{"agent":"agent-of-u","service":"u","scopes":["u:read"],"credential":"u-key"}',
  ],
]

function bodyCases(place: HostilePlace, seed: number, count: number): HostileCase[] {
  return endpoints.flatMap(([door, path, members, valid]) =>
    hostileBodies(seed, members, valid, count).map(({ name, type, bytes }) => {
      const headers = door === 'agent' ? authorised(place) : operatorHeader(place)
      const head = `POST ${path} HTTP/1.1\r\nHost: ${place.host}\r\n${headers}Content-Type: ${type}\r\n`
      const whole = Buffer.concat([latin1(`${head}Content-Length: ${bytes.length}\r\n\r\n`), bytes])
      return { ...caseOf(`body ${path} ${name}`, whole), door }
    }),
  )
}

/** At least `count` cases: every kind whole where it is small, the large kinds in proportion, in a drawn order. */
export function hostileCases(place: HostilePlace, seed: number, count: number): HostileCase[] {
  const share = count / 3_000
  const small = [...formCases(place), ...headerCases(place)]
  const out = [
    ...small,
    ...framingCases(place, seed, Math.ceil(600 * share)),
    ...valueCases(place, seed, Math.ceil(400 * share)),
    ...pathCases(place, seed, Math.ceil(1_000 * share)),
    ...seeded(seed)
      .shuffle(spellingCases(place))
      .slice(0, Math.max(200, 900 * share)),
    ...bodyCases(place, seed, Math.ceil(250 * share)),
  ]
  return seeded(seed).shuffle(out)
}
