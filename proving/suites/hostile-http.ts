// S11. Raw hostile requests at the agents' listener and the operators' socket. None may crash the gateway, get a 5xx of
// its own making or a stack, reach another origin, reach the upstream under another target than was sent, or hide a
// second request. After every batch the gateway must answer a plain call.
import { type Exchange, exchange } from '../../test/instruments/raw-http.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { forwardsWithoutIntent } from '../audit-on-disk.ts'
import { Figures } from '../figures.ts'
import { callersOwn, type HostileCase, hostileCases } from '../hostile-cases.ts'

export interface HostileOptions {
  readonly count: number
  readonly seed: number
}

const batchSize = 500
const atOnce = 24

export async function hostileHttp({ count, seed }: HostileOptions): Promise<Figures> {
  const figures = new Figures('S11 hostile HTTP')
  await using around = await world()
  const sink = await RecordingUpstream.start()
  await furnish(around.gateway, { name: 'sink', origins: [sink.origin], secret: around.oracle.canary('sink') })
  await describeNarrow(around)
  const place = {
    host: `127.0.0.1:${around.gateway.port}`,
    token: around.token,
    operatorToken: around.gateway.operatorToken,
    attacker: `127.0.0.1:${around.attacker.port}`,
  }
  const cases = hostileCases(place, seed, count)
  const urls: string[] = []
  for (let at = 0; at < cases.length; at += batchSize) {
    await runBatch(around, cases.slice(at, at + batchSize), figures)
    urls.push(...around.upstream.receipts.map((receipt) => receipt.url))
  }
  if (around.attacker.accepts > 0) figures.leaked.push(`E got ${around.attacker.accepts} connections`)
  figures.notes.push(`${figures.load} forwarded, ${cases.length - figures.load} refused, seed ${seed}`)
  await around.oracle.selfTest()
  figures.leaked.push(...(await around.oracle.searchSinks(['credential', 'sink'])).map((hit) => JSON.stringify(hit)))
  await sink.close()
  await around.gateway.stop()
  for (const path of forwardsWithoutIntent(around.gateway.home, urls)) figures.lost.push(`no intent for ${path}`)
  return figures
}

/** A service on the same upstream that opens one folder, granted to the same agent. */
async function describeNarrow({ gateway, upstream, oracle }: World): Promise<void> {
  await furnish(gateway, {
    name: 'narrow',
    origins: [upstream.origin],
    secret: oracle.canary('narrow'),
    service: { paths: ['/v1/public/{+rest}'] },
  })
  await gateway.does('POST', '/grants', { agent: 'agent-of-u', service: 'narrow', scopes: ['narrow:*'] })
  await gateway.does('POST', '/grants', { agent: 'agent-of-u', service: 'sink', scopes: ['sink:*'] })
}

interface Outcome {
  readonly hostile: HostileCase
  readonly result: Exchange
}

async function runBatch(around: World, cases: readonly HostileCase[], figures: Figures): Promise<void> {
  around.upstream.forget()
  const outcomes = await sendAll(around, cases, figures)
  for (const { hostile, result } of outcomes) {
    figures.inputs++
    figures.wrong.push(...complaints(result).map((text) => `${hostile.name}: ${text}`))
  }
  judgeReceipts(around, outcomes, figures)
  // A connection that is cut is not garbage; bytes that are no HTTP are.
  const garbage = around.upstream.garbage.filter((code) => code.startsWith('HPE_'))
  if (garbage.length > 0) figures.wrong.push(`the upstream got garbage: ${garbage}`)
  const probe = await around.call('/probe').catch((error: unknown) => ({ status: 0, error }))
  if (probe.status !== 200)
    throw new Error(`the gateway no longer answers: ${probe.status}\n${around.gateway.output()}`)
}

async function sendAll(around: World, cases: readonly HostileCase[], figures: Figures): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  const queue = [...cases]
  const agentSink = around.oracle.sink('agent')
  const worker = async (): Promise<void> => {
    for (let hostile = queue.pop(); hostile !== undefined; hostile = queue.pop()) {
      const result = await sendOne(around, hostile)
      if (result.ended === 'refused') figures.wrong.push(`${hostile.name}: the gateway does not accept connections`)
      agentSink(result.bytes)
      outcomes.push({ hostile, result })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return outcomes
}

function sendOne({ gateway }: World, hostile: HostileCase, silentMs = 400): Promise<Exchange> {
  const target = hostile.door === 'agent' ? { port: gateway.port } : { socketPath: gateway.socketPath }
  return exchange(target, hostile.bytes, { silentMs, quietMs: silentMs === 400 ? 60 : 1_000 })
}

/** What is wrong with the answers themselves. */
function complaints(result: Exchange): string[] {
  const out: string[] = []
  for (const answer of result.answers) {
    const body = answer.body.toString('latin1')
    if (answer.status >= 500 && answer.status !== 501) out.push(`answered ${answer.status} ${body.slice(0, 200)}`)
    if (/node_modules|\bat [^ ]+ \(|\/src\/[a-z]|\.ts:\d+/.test(body))
      out.push(`tells of our code: ${body.slice(0, 200)}`)
    if (answer.status >= 400 && body !== '' && !body.includes('"code":"')) out.push(`no code in ${body.slice(0, 100)}`)
  }
  if (result.ended === 'timeout') out.push('the connection was not ended')
  return out
}

/** Each receipt must be allowed to one of the cases, and there are no more of them than answers that say so. */
function judgeReceipts({ upstream, secret }: World, outcomes: readonly Outcome[], figures: Figures): void {
  const accepted = new Map<string, number>()
  for (const { hostile, result } of outcomes) {
    const good = result.answers.some((answer) => answer.status < 300)
    // We hang up after some silence: what was under way then was forwarded without an answer that we saw.
    const open = good || result.answers.length < Math.max(1, hostile.mayForward.length) ? 1 : 0
    for (const url of hostile.mayForward) accepted.set(url, (accepted.get(url) ?? 0) + open)
  }
  for (const receipt of upstream.receipts) {
    figures.load++
    const left = accepted.get(receipt.url)
    if (left === undefined) figures.wrong.push(`nobody may reach ${receipt.method} ${receipt.url}`)
    else if (left === 0) figures.wrong.push(`${receipt.url} was forwarded more often than it was answered`)
    else accepted.set(receipt.url, left - 1)
    figures.wrong.push(
      ...headerComplaints(receipt.headers, secret, upstream.port).map((text) => `${receipt.url}: ${text}`),
    )
    if (insideOnly(receipt.url)) continue
    figures.wrong.push(`${receipt.url} leads out of /v1/public/`)
  }
}

function headerComplaints(headers: ReadonlyMap<string, readonly string[]>, secret: string, port: number): string[] {
  const out: string[] = []
  const authorization = headers.get('authorization') ?? []
  const ours = [`Bearer ${secret}`]
  if (authorization.length !== 1) out.push(`${authorization.length} Authorization values`)
  if ((headers.get('host') ?? []).join() !== `127.0.0.1:${port}`) out.push(`Host is ${headers.get('host')}`)
  for (const [name, values] of headers) {
    if (/^(x-forwarded|forwarded$|x-real-ip$)/.test(name)) out.push(`${name} went upstream`)
    if (values.some((value) => value.includes('clv_'))) out.push(`the token went upstream in ${name}`)
    if (/auth|key|cookie/.test(name) && values.some((value) => value.includes(callersOwn)))
      out.push(`the caller's ${name}`)
    if (name === 'authorization' && values.some((value) => !ours.includes(value) && !value.startsWith('Bearer cnry/')))
      out.push('Authorization is not ours')
  }
  return out
}

/** Whether a target below /v1/public/ stays there however often an upstream decodes it. */
function insideOnly(url: string): boolean {
  if (!url.startsWith('/v1/')) return true
  let path = url.split(/[?#]/)[0]!
  for (let round = 0; round < 4; round++) {
    if (!new URL(path.replaceAll('\\', '/'), 'http://u').pathname.startsWith('/v1/public/')) return false
    path = path.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  return true
}
