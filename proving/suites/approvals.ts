// G-02. A human said yes once: many processes at the same moment, and a gateway that is killed in between, make one
// execution of it, or after a kill none; never two.
import { seeded } from '../../test/generators/seeded.ts'
import type { Start } from '../../test/instruments/racer.ts'
import { Racers } from '../../test/instruments/racers.ts'
import { type World, world } from '../../test/instruments/world.ts'
import { Figures, sleep } from '../figures.ts'
import { checkLog } from '../load.ts'

export interface ApprovalRaceOptions {
  readonly approvals: number
  readonly racers: number
}

export interface ApprovalKillOptions {
  readonly kills: number
  readonly racers: number
  readonly seed: number
}

/** An agent may ask twenty times an hour, and each race asks twice: for the yes, and as those that came too late. */
const RACES_OF_AN_AGENT = 9
const service = { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } }
const NOTHING = { agents: [], liveTokens: [], revokedTokens: [], credentials: [], upstreamUrls: [] }

export async function approvalRaces({ approvals, racers }: ApprovalRaceOptions): Promise<Figures> {
  const figures = new Figures('G-02 approval races')
  await using around = await world({ service, env: { CLAVIGER_DEMO: 'off' } })
  using started = new Racers(racers)
  let token = ''
  for (let n = 0; n < approvals; n += 1) {
    if (n % RACES_OF_AN_AGENT === 0) token = await anAgent(around, n)
    const ask = payment(around, token, n)
    await approve(around, ask)
    const finished = await started.race(ask)
    figures.load += finished.length
    const winners = finished.filter(({ status }) => status === 200).length
    const forwarded = around.upstream.received(`/pay/${n}`).length
    if (winners !== 1 || forwarded !== 1) figures.wrong.push(`approval ${n}: ${winners} winners, ${forwarded} executed`)
    const odd = finished.find(({ status }) => status !== 200 && status !== 403 && status !== 429)
    if (odd !== undefined) figures.wrong.push(`approval ${n}: a loser got ${odd.status} ${odd.code}`)
    await cancelAll(around, token)
    around.upstream.forget()
  }
  await around.gateway.stop()
  checkLog(around.gateway.home, NOTHING, figures)
  figures.notes.push(`${approvals} approvals, ${racers} processes each`)
  return figures
}

export async function killApprovals({ kills, racers, seed }: ApprovalKillOptions): Promise<Figures> {
  const figures = new Figures('G-02 approvals and kill -9')
  await using around = await world({ service, env: { CLAVIGER_DEMO: 'off' } })
  using started = new Racers(racers)
  const random = seeded(seed)
  let executed = 0
  for (let n = 0; n < kills; n += 1) {
    const ask = payment(around, await anAgent(around, n), n)
    await approve(around, ask)
    const racing = started.race(ask)
    await sleep(random.below(60))
    await around.gateway.kill9()
    await racing
    await around.gateway.restart()
    figures.faults += 1
    await started.race(ask)
    const times = around.upstream.received(`/pay/${n}`).length
    if (times > 1) figures.wrong.push(`approval ${n} was executed ${times} times`)
    executed += times
    figures.load += 2 * racers
    around.upstream.forget()
  }
  await around.gateway.stop()
  checkLog(around.gateway.home, NOTHING, figures)
  figures.notes.push(`${executed} of ${kills} were executed, the others lost with the kill; seed ${seed}`)
  return figures
}

async function anAgent({ gateway }: World, n: number): Promise<string> {
  const name = `payer-${n}`
  await gateway.does('POST', '/agents', { name })
  await gateway.does('POST', '/grants', { agent: name, service: 'u', scopes: ['u:*'] })
  return (await gateway.does<{ token: string }>('POST', '/tokens', { agent: name })).token
}

function payment({ gateway }: World, token: string, n: number): Start['ask'] {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', prefer: 'wait=0' }
  const host = `127.0.0.1:${gateway.port}`
  return { port: gateway.port, method: 'POST', path: `/to/u/pay/${n}`, headers: { host, ...headers }, body: '{"a":1}' }
}

async function approve({ gateway }: World, { method, path, headers, body = '' }: Start['ask']): Promise<void> {
  const asked = await gateway.agent(method, path, { headers, body })
  const { approval } = asked.json() as { approval: string }
  const { digest } = await gateway.does<{ digest: string }>('GET', `/approvals/${approval}`)
  await gateway.does('POST', `/approvals/${approval}/verdict`, { verdict: 'approved', digest })
}

/** What the losers asked for anew. */
async function cancelAll({ gateway }: World, token: string): Promise<void> {
  const { items } = await gateway.does<{ items: { id: string }[] }>('GET', '/approvals?status=pending')
  const headers = { host: `127.0.0.1:${gateway.port}`, authorization: `Bearer ${token}` }
  for (const { id } of items) await gateway.agent('DELETE', `/claviger/v1/agents/self/approvals/${id}`, { headers })
}
