// G-02. A call that nobody waits for is sent by the gateway when the yes comes. Killed at any moment it is sent once after the
// start, or never; never twice, and what is said to have become of it is so.
import { seeded } from '../../test/generators/seeded.ts'
import { until } from '../../test/instruments/wait.ts'
import { type World, world } from '../../test/instruments/world.ts'
import { Figures, sleep } from '../figures.ts'
import { checkLog } from '../load.ts'

export interface SentLaterOptions {
  readonly kills: number
  readonly seed: number
}

interface Standing {
  readonly status: string
  readonly digest: string
  readonly sending?: { readonly state: string; readonly code?: string }
}

const service = { actions: { pay: { method: 'POST', path: '/pay/{id}', ask: 'tap' } } }
const NOTHING = { agents: [], liveTokens: [], revokedTokens: [], credentials: [], upstreamUrls: [] }
/** How often a call of this end may have reached the service. */
const TIMES: Readonly<Record<string, readonly [least: number, most: number]>> = {
  answered: [1, 1],
  failed: [0, 1],
  not_sent: [0, 0],
}

export async function killSentLater({ kills, seed }: SentLaterOptions): Promise<Figures> {
  const figures = new Figures('G-02 calls that are sent later, and kill -9')
  await using around = await world({ service, env: { CLAVIGER_DEMO: 'off' } })
  const random = seeded(seed)
  const ends: Record<string, number> = {}
  for (let n = 0; n < kills; n += 1) {
    const id = await askFor(around, n)
    // The yes itself may be cut, or be on disk and not be heard of.
    const answering = approve(around, id).catch(() => undefined)
    await sleep(random.below(60))
    await around.gateway.kill9()
    await answering
    await around.gateway.restart()
    figures.faults += 1
    if ((await standing(around, id)).status === 'pending') await approve(around, id)
    await until(async () => TIMES[(await standing(around, id)).sending?.state ?? ''] !== undefined)
    const { sending: { state, code } = { state: '' } } = await standing(around, id)
    const end = code === undefined ? state : `${state} (${code})`
    ends[end] = (ends[end] ?? 0) + 1
    const times = around.upstream.received(`/pay/${n}`).length
    const [least, most] = TIMES[state] as readonly [number, number]
    if (times < least || times > most) figures.wrong.push(`call ${n}: ${end}, and it was sent ${times} times`)
    figures.load += 1
  }
  // Whatever is left of them must not go out at another start.
  const before = around.upstream.receipts.length
  await around.gateway.restart()
  await sleep(1_500)
  if (around.upstream.receipts.length !== before) figures.wrong.push('a call went out at a later start')
  await around.gateway.stop()
  checkLog(around.gateway.home, NOTHING, figures)
  figures.notes.push(`${JSON.stringify(ends)}; seed ${seed}`)
  return figures
}

async function askFor(around: World, n: number): Promise<string> {
  const { gateway } = around
  const name = `payer-${n}`
  await gateway.does('POST', '/agents', { name })
  await gateway.does('POST', '/grants', { agent: name, service: 'u', scopes: ['u:*'] })
  const { token } = await gateway.does<{ token: string }>('POST', '/tokens', { agent: name })
  const headers = { 'content-type': 'application/json', prefer: 'respond-async' }
  const reply = await around.call(`/pay/${n}`, { method: 'POST', headers, body: '{"a":1}', token })
  return (reply.json() as { approval: string }).approval
}

const standing = ({ gateway }: World, id: string) => gateway.does<Standing>('GET', `/approvals/${id}`)

async function approve(around: World, id: string): Promise<void> {
  const { digest } = await standing(around, id)
  await around.gateway.does('POST', `/approvals/${id}/verdict`, { verdict: 'approved', digest })
}
