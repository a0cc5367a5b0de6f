// S-canary, the taint oracle over a whole life of credentials: stored, used in every injection kind, echoed back in every
// encoding and place, rotated, removed. They may be found at the allowed upstream and nowhere else.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { compressions, plainEncodings } from '../../test/instruments/encodings.ts'
import { repository } from '../../test/instruments/gateway.ts'
import type { Reply } from '../../test/instruments/send.ts'
import { freshCanary, type Hit } from '../../test/instruments/taint-oracle.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { Figures } from '../figures.ts'

export interface CanaryOptions {
  /** Credentials that are stored, used, rotated and removed beside the main one. */
  readonly credentials: number
  /** Of the offsets at which an echo is split, every n-th. */
  readonly splitStep: number
}

interface Kind {
  readonly name: string
  readonly injection: Readonly<Record<string, unknown>>
  /** Where the upstream finds the secret: the `from` of its echo. */
  readonly from: string
}

const kinds: readonly Kind[] = [
  { name: 'k-bearer', injection: { kind: 'bearer' }, from: 'authorization' },
  { name: 'k-header', injection: { kind: 'header', name: 'x-api-key' }, from: 'x-api-key' },
  { name: 'k-basic', injection: { kind: 'basic', username: 'user' }, from: 'authorization' },
  { name: 'k-query', injection: { kind: 'query', name: 'key' }, from: 'query:key' },
  {
    name: 'k-template',
    injection: { kind: 'template', name: 'authorization', template: 'Bot {secret}' },
    from: 'authorization',
  },
]

export async function canaryLife({ credentials, splitStep }: CanaryOptions): Promise<Figures> {
  const figures = new Figures('canary')
  await using around = await world({ env: { CLAVIGER_LOG: 'trace' } })
  const { oracle, gateway } = around
  oracle.canary('operatorToken', gateway.operatorToken)
  for (const kind of kinds) await useKind(around, kind, figures)
  await echoes(around, figures, splitStep)
  await refusals(around, figures)
  await lives(around, credentials, figures)
  commandLine(around, figures)
  const hits: Hit[] = await whileRunning(around)
  await gateway.stop()
  hits.push(...(await oracle.searchTree(gateway.folder)), ...(await oracle.searchSinks()))
  hits.push(...(await oracle.search(around.attacker.bytes(), 'attacker')))
  hits.push(...(await oracle.search(around.upstream.bytes(), 'upstream', ['token', 'operatorToken'])))
  figures.leaked.push(...hits.map((hit) => `${hit.canary} as ${hit.encoding} in ${hit.place} at ${hit.offset}`))
  figures.notes.push(`oracle self-test: ${await oracle.selfTest()} planted leaks found`)
  return figures
}

/** The credential arrives in the place the service says, and its echo comes back without it. */
async function useKind(around: World, { name, injection, from }: Kind, figures: Figures): Promise<void> {
  const secret = around.oracle.canary(name)
  const { token } = await furnish(around.gateway, {
    name,
    origins: [around.upstream.origin],
    secret,
    service: { injection },
  })
  around.oracle.canary(`${name}-token`, token)
  const reply = await around.call(`/echo/raw?from=${from}`, { service: name, token })
  const [receipt] = around.upstream.receipts.slice(-1)
  const seen = await around.oracle.search(Buffer.from(`${receipt?.url}\n${receipt?.rawHeaders.join('\n')}`), 'u', [
    name,
  ])
  if (seen.length === 0) figures.wrong.push(`${name}: the credential did not reach the upstream`)
  expectRedacted(`${name} echo`, reply, figures)
  figures.load++
}

/** Every encoding in every place of an answer, in every packing, and cut at many offsets. */
async function echoes(around: World, figures: Figures, splitStep: number): Promise<void> {
  for (const encoding of Object.keys(plainEncodings)) {
    const textual = !encoding.startsWith('utf16')
    const places = textual ? ['body', 'sse', 'header', 'reason', 'trailer'] : ['body', 'sse']
    for (const place of places) {
      for (const status of [200, 500]) {
        await echo(around, `/echo/${encoding}?in=${place}&status=${status}`, figures)
      }
    }
    for (const pack of Object.keys(compressions)) await echo(around, `/echo/${encoding}?pack=${pack}`, figures)
    const length = plainEncodings[encoding]!(around.secret).length + 16
    for (let at = 1; at < length; at += splitStep) await echo(around, `/echo/${encoding}?split=${at}`, figures)
  }
}

async function echo(around: World, path: string, figures: Figures): Promise<void> {
  figures.inputs++
  const reply = await around.call(path, { headers: { 'accept-encoding': 'gzip, deflate, br, zstd' } })
  expectRedacted(path, reply, figures)
}

/** The answer came, and what it says in place of the secret is our mark (a header may be dropped instead). */
function expectRedacted(what: string, reply: Reply, figures: Figures): void {
  if (reply.status >= 500 && reply.code !== undefined) figures.wrong.push(`${what}: ${reply.status} ${reply.code}`)
  const inBody = !/in=(header|reason|trailer)/.test(what)
  if (
    inBody &&
    !/before .*redacted.* after/is.test(reply.body.toString('latin1').replaceAll('\0', '')) &&
    !what.includes('echo/raw?from')
  )
    figures.wrong.push(`${what}: not redacted as promised: ${reply.body.toString('latin1').slice(0, 120)}`)
}

/** Errors that have the secret at hand: none may repeat it. */
async function refusals(around: World, figures: Figures): Promise<void> {
  const { gateway, oracle } = around
  const transcript = oracle.sink('operator')
  const secret = (name: string): string => oracle.canary(name)
  const bodies: readonly (readonly [string, unknown])[] = [
    ['/credentials', { handle: 'u-key', service: 'u', secret: secret('again') }],
    ['/credentials', { handle: '../../x', service: 'u', secret: secret('bad handle') }],
    ['/credentials', { handle: 'r1', service: 'nobody', secret: secret('no service') }],
    ['/credentials', { handle: 'r2', service: 'u', secret: secret('unknown member'), extra: 1 }],
    ['/credentials', { handle: 'r3', service: 'u', secret: [secret('wrong type')] }],
    ['/credentials', { handle: 'r4', service: 'u', secret: `${secret('bad bytes')}\r\nX: y` }],
    ['/credentials', { handle: 'r5', service: 'u', secret: { value: secret('wrong shape') } }],
    ['/credentials', { handle: secret('as handle'), service: 'u', secret: 'something-else' }],
    [`/credentials/${encodeURIComponent('u-key')}/rotate`, { secret: 7, note: secret('rotate') }],
  ]
  for (const [path, body] of bodies) {
    const reply = await gateway.operator('POST', path, body)
    transcript(`${reply.rawHeaders.join('\n')}\n`)
    transcript(reply.body)
    figures.inputs++
    if (reply.status >= 500) figures.wrong.push(`${path} → ${reply.status}`)
    if (reply.status < 300) figures.wrong.push(`${path} took ${Object.keys(body as object)}`)
  }
}

/** D-04: store, use, rotate, use, remove. */
async function lives(around: World, count: number, figures: Figures): Promise<void> {
  const { gateway, oracle } = around
  for (let n = 0; n < count; n++) {
    const handle = `life-${n}`
    await gateway.does('POST', '/credentials', { handle, service: 'u', secret: oracle.canary(`${handle}-1`) })
    await gateway.does('POST', `/credentials/${handle}/rotate`, { secret: oracle.canary(`${handle}-2`) })
    await gateway.does('DELETE', `/credentials/${handle}`)
    figures.load++
  }
  const rotated = oracle.canary('rotated', freshCanary())
  await gateway.does('POST', '/credentials/u-key/rotate', { secret: rotated })
  await around.call('/after-rotation')
  const [receipt] = around.upstream.received('/after-rotation')
  if (receipt?.headers.get('authorization')?.[0] !== `Bearer ${rotated}`)
    figures.wrong.push('the rotated secret is not used')
}

/** The command line, whose output and whose log lines count as ours. */
function commandLine({ gateway, oracle }: World, figures: Figures): void {
  const sink = oracle.sink('command line')
  const env = { ...process.env, CLAVIGER_HOME: gateway.home, CLAVIGER_OPERATOR_TOKEN: gateway.operatorToken }
  const commands = [
    ['status'],
    ['credential', 'list'],
    ['service', 'show', 'u'],
    ['token', 'list'],
    ['doctor'],
    ['config'],
    ['audit', 'tail'],
    ['agent', 'list', '--json'],
  ]
  for (const args of commands) {
    const { stdout, stderr } = spawnSync(process.execPath, [join(repository, 'bin', 'claviger.js'), ...args], { env })
    sink(stdout)
    sink(stderr)
    if (stdout.length === 0) figures.wrong.push(`claviger ${args.join(' ')} says nothing: ${stderr}`)
  }
}

async function whileRunning({ oracle, gateway }: World): Promise<Hit[]> {
  return [...(await oracle.searchTree(gateway.folder)), ...(await oracle.searchProcess(gateway.pid))]
}
