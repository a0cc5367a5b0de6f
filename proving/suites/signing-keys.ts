// F-11 and F-13. Signing keys rotate under load, and others verify with key sets that are a minute old: no token is
// refused that was not revoked, and one that was is refused at once. Then the key set is asked for as often as can be.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { KeyAgent } from '../../test/instruments/key-agent.ts'
import { headerOf } from '../../test/instruments/proofs.ts'
import { keepAlive } from '../../test/instruments/send.ts'
import { type World, world } from '../../test/instruments/world.ts'
import { Figures, percentile, sleep } from '../figures.ts'

export interface RotationOptions {
  /** Each takes a minute: a key is listed for so long before it signs. */
  readonly rotations: number
  readonly callsPerSecond: number
}

export interface FloodOptions {
  readonly forMs: number
  readonly perSecond: number
  /** Whether the calls' 99th percentile is judged against that of a quiet gateway. */
  readonly timed: boolean
}

const MAX_AGE_MS = 60_000
const WORKERS = 8
const JWKS = '/.well-known/jwks.json'

export async function keyRotation({ rotations, callsPerSecond }: RotationOptions): Promise<Figures> {
  const figures = new Figures('F-11 signing keys')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const agent = await keyedAgent(around)
  const held: string[] = [(await agent.signIn()).accessToken]
  const verifier = new Verifier(around)
  let stopped = false
  const stop = () => stopped
  const workers = Array.from({ length: WORKERS }, () =>
    callOnAndOn(around, held, callsPerSecond / WORKERS, stop, figures),
  )
  workers.push(signInOnAndOn(agent, held, verifier, stop, figures))
  for (let n = 0; n < rotations; n++) {
    await sleep(MAX_AGE_MS + 1_000)
    await around.gateway.does('POST', '/signing-keys/rotate', {})
    figures.faults++
  }
  await sleep(2_000)
  stopped = true
  await Promise.all(workers)
  await revokedAtOnce(around, agent, figures)
  figures.notes.push(
    `${rotations} rotations under ${callsPerSecond} calls/s; ${verifier.count} tokens verified elsewhere`,
  )
  return figures
}

async function keyedAgent(around: World): Promise<KeyAgent> {
  const agent = await KeyAgent.add(around.gateway, 'keyed')
  await around.gateway.does('POST', '/grants', { agent: agent.id, service: 'u', scopes: ['u:*'] })
  return agent
}

async function revokedAtOnce(around: World, agent: KeyAgent, figures: Figures): Promise<void> {
  const { accessToken } = await agent.signIn()
  const { kid } = headerOf(accessToken)
  await around.gateway.does('DELETE', `/signing-keys/${kid}`)
  const { status } = await around.call('/n', { token: accessToken })
  if (status !== 401) figures.wrong.push(`after its key was revoked a token got ${status}`)
}

/** Old tokens and new ones, as long as they live; each must be good. */
async function callOnAndOn(
  around: World,
  held: readonly string[],
  perSecond: number,
  stopped: () => boolean,
  figures: Figures,
): Promise<void> {
  const connections = keepAlive(4)
  for (let n = 0; !stopped(); n++) {
    const token = held[n % held.length] as string
    const [{ status, code }] = await Promise.all([around.call('/n', { token, connections }), sleep(1_000 / perSecond)])
    if (status === 200) figures.load++
    else figures.wrong.push(`a token that was not revoked got ${status} ${code}`)
  }
  connections.destroy()
}

/** New tokens, each verified elsewhere; those that are about to expire are let go. */
async function signInOnAndOn(
  agent: KeyAgent,
  held: string[],
  verifier: Verifier,
  stopped: () => boolean,
  figures: Figures,
): Promise<void> {
  while (!stopped()) {
    held.push((await agent.signIn()).accessToken)
    while (held.length > 200) held.shift()
    for (const token of [held.at(0), held.at(-1)]) {
      const refused = await verifier.refuses(token as string)
      if (refused !== undefined) figures.wrong.push(`elsewhere: ${refused}`)
    }
    await sleep(1_000)
  }
}

/** Keeps a key set for as long as it may, and does not ask again for a kid that it does not know. */
class Verifier {
  count = 0
  readonly #world: World
  #set: ReturnType<typeof createLocalJWKSet> | undefined
  #fetchedAt = 0

  constructor(around: World) {
    this.#world = around
  }

  /** Why a token does not hold, if so. */
  async refuses(token: string): Promise<string | undefined> {
    const now = performance.now()
    if (this.#set === undefined || now - this.#fetchedAt >= MAX_AGE_MS) {
      this.#set = createLocalJWKSet((await keySet(this.#world)) as JSONWebKeySet)
      this.#fetchedAt = now
    }
    this.count++
    return jwtVerify(token, this.#set, { algorithms: ['ES256'], typ: 'at+jwt' }).then(
      () => undefined,
      (error: Error) => error.message,
    )
  }
}

async function keySet(around: World): Promise<unknown> {
  const { gateway } = around
  return (await gateway.agent('GET', JWKS, { headers: { host: `127.0.0.1:${gateway.port}` } })).json()
}

export async function keySetFlood({ forMs, perSecond, timed }: FloodOptions): Promise<Figures> {
  const figures = new Figures('F-13 key set')
  await using around = await world({ env: { CLAVIGER_DEMO: 'off' } })
  const quiet = await callTimes(around, figures, () => sleep(forMs))
  const beside = await callTimes(around, figures, () => flood(around, forMs, perSecond, figures))
  const [p99, before] = [percentile(beside, 0.99), percentile(quiet, 0.99)]
  const asked = `${figures.inputs} key sets, ${Math.round((figures.inputs * 1_000) / forMs)}/s`
  figures.notes.push(`${asked}; calls' p99 ${p99.toFixed(1)} ms beside them, ${before.toFixed(1)} ms alone`)
  if (timed && p99 > Math.max(1.5 * before, 25)) figures.wrong.push(`calls slowed to ${p99.toFixed(1)} ms`)
  return figures
}

/** Calls at 100/s while something else goes on; gives the milliseconds each took. */
async function callTimes(around: World, figures: Figures, meanwhile: () => Promise<unknown>): Promise<number[]> {
  const connections = keepAlive(4)
  const times: number[] = []
  let over = false
  const other = meanwhile().finally(() => (over = true))
  while (!over) {
    const from = performance.now()
    const { status } = await around.call('/n', { connections })
    times.push(performance.now() - from)
    if (status === 200) figures.load++
    else figures.wrong.push(`a call got ${status}`)
    await sleep(10)
  }
  await other
  connections.destroy()
  return times
}

async function flood(around: World, forMs: number, perSecond: number, figures: Figures): Promise<void> {
  const program = fileURLToPath(new URL('../ask-steadily.ts', import.meta.url))
  const args = [program, String(around.gateway.port), JWKS, String(perSecond), String(forMs)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const { answered, wrong } = JSON.parse(said) as { answered: number; wrong: number }
  figures.inputs += answered
  if (wrong > 0) figures.wrong.push(`${wrong} key sets were not given`)
}
