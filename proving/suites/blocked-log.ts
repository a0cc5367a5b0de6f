// I-04. A disk that hangs: the syncs of the log do not come back.
import { Gateway } from '../../test/instruments/gateway.ts'
import { RecordingUpstream } from '../../test/instruments/recording-upstream.ts'
import { furnish } from '../../test/instruments/world.ts'
import { Figures } from '../figures.ts'
import { injectInto, noInjection } from '../inject.ts'

/**
 * I-04. The log's sync does not come back for a minute: calls are refused within the bound, and nothing is forwarded. The
 * bound is what a call may take on a machine with time to spare; on a busy one it is longer, and far from the minute.
 */
export async function blockedLog({ withinMs = 3_500 } = {}): Promise<Figures> {
  const reason = noInjection()
  if (reason !== undefined) return Figures.skip('I-04 blocked log', reason)
  const figures = new Figures('I-04 blocked log')
  const upstream = await RecordingUpstream.start()
  const calm = await Gateway.start({ env: { CLAVIGER_DEMO: 'off' } })
  try {
    const { token } = await furnish(calm, { name: 'u', origins: [upstream.origin], secret: 'secret-of-blocked-log' })
    const tracer = await injectInto(calm.pid, { calls: 'fdatasync', effect: 'delay_enter=60000000:when=1+' })
    await askUntilBlocked(calm, token, withinMs, figures)
    if (upstream.receipts.length > 0) figures.wrong.push('forwarded although no sync came back')
    tracer.kill('SIGKILL')
    await calm.kill9()
  } finally {
    await calm[Symbol.asyncDispose]()
    await upstream.close()
  }
  return figures
}

async function askUntilBlocked(gateway: Gateway, token: string, withinMs: number, figures: Figures): Promise<void> {
  for (let n = 0; n < 200 && gateway.running; n++) {
    const from = performance.now()
    const reply = await gateway
      .agent('GET', `/to/u/b/${n}`, {
        headers: { authorization: `Bearer ${token}`, host: `127.0.0.1:${gateway.port}` },
      })
      .catch(() => undefined)
    const took = performance.now() - from
    if (took > withinMs) figures.wrong.push(`call ${n} was answered after ${took.toFixed(0)} ms only`)
    if (reply === undefined) break
    if (reply.status === 503) figures.faults++
    else figures.wrong.push(`call ${n} → ${reply.status}`)
    if (figures.faults > 5) return
  }
  if (figures.faults === 0) figures.wrong.push('the blocked log refused nothing')
}
