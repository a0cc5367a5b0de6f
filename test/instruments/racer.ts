// One racer of racers.ts: a process of its own that sends what it is told, when it is told.
import { keepAlive, type Reply, type SendOptions, send } from './send.ts'

export interface Start {
  readonly n: number
  readonly ask: Pick<SendOptions, 'port' | 'method' | 'path'> & { headers: Record<string, string>; body?: string }
}
export interface Finish {
  readonly n: number
  readonly status: number
  readonly code: string | undefined
}

const connections = keepAlive(16)

process.on('message', async ({ n, ask }: Start) => {
  const reply: Reply | undefined = await send({ ...ask, connections }).catch(() => undefined)
  process.send?.({ n, status: reply?.status ?? 0, code: reply?.code } satisfies Finish)
})
process.on('disconnect', () => process.exit())
