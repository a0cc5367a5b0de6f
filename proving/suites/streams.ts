// J-03, J-11, J-12 and E-07's core: large bodies are not held, long work is not cut, connections are used again.
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { patternDigest, patternStream } from '../../test/instruments/pattern.ts'
import { keepAlive } from '../../test/instruments/send.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { Figures, sleep } from '../figures.ts'
import { residentMiB } from './resident.ts'

export interface LargeOptions {
  readonly transfers: number
  readonly mebibytes: number
}

export async function largeBodies({ transfers, mebibytes }: LargeOptions): Promise<Figures> {
  const figures = new Figures('J-03 large bodies')
  await using around = await world()
  const length = mebibytes << 20
  const expected = patternDigest(length)
  await around.call('/bytes/1000000', { discard: true })
  const before = residentMiB(around.gateway.pid).now
  await Promise.all(
    Array.from({ length: transfers }, async (_, n) => {
      const sum = n % 2 === 0 ? await upload(around, length) : await download(around, length)
      if (sum !== expected) figures.wrong.push(`transfer ${n}: the bytes changed`)
      figures.load++
    }),
  )
  const grown = residentMiB(around.gateway.pid).peak - before
  figures.notes.push(`${transfers} × ${mebibytes} MiB, resident memory grew by ${grown.toFixed(0)} MiB at most`)
  if (grown > 150) figures.wrong.push(`resident memory grew by ${grown.toFixed(0)} MiB`)
  return figures
}

async function upload(around: World, length: number): Promise<string> {
  const reply = await around.gateway.agent('POST', '/to/u/digest', {
    headers: authorised(around),
    body: patternStream(length),
  })
  return (reply.json() as { sha256: string }).sha256
}

async function download(around: World, length: number): Promise<string> {
  const hash = createHash('sha256')
  const onChunk = (chunk: Buffer): void => void hash.update(chunk)
  await around.gateway.agent('GET', `/to/u/bytes/${length}`, { headers: authorised(around), onChunk, discard: true })
  return hash.digest('hex')
}

const authorised = ({ token, gateway }: World): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  host: `127.0.0.1:${gateway.port}`,
})

export interface LongOptions {
  /** How long each piece of work takes, ms; ten pieces with a pause between. */
  readonly workMs: number
  /** The service's idle limit, ms: longer than a pause, shorter than the work. */
  readonly idleMs: number
}

/** Work that goes on for longer than the idle limit, but is never idle for that long. */
export async function longWork({ workMs, idleMs }: LongOptions): Promise<Figures> {
  const figures = new Figures('J-11 long work')
  await using around = await world({ service: { timeouts: { headersMs: workMs * 2, idleMs } } })
  const pause = workMs / 10
  around.upstream.on('thinks', (_request, response) => {
    setTimeout(() => response.end('thought'), workMs)
  })
  around.upstream.on('events', async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let n = 0; n < 10; n++) {
      response.write(`data: ${n}\n\n`)
      await sleep(pause)
    }
    response.end()
  })
  const dripping = async function* (): AsyncGenerator<Buffer> {
    for (let n = 0; n < 10; n++) {
      yield Buffer.from(`piece ${n}\n`)
      await sleep(pause)
    }
  }
  const [thought, events, dripped] = await Promise.all([
    around.call('/thinks'),
    around.call('/events'),
    around.call('/digest', { method: 'POST', body: Readable.from(dripping()) }),
  ])
  if (thought.text() !== 'thought') figures.wrong.push(`a slow first byte got ${thought.status} ${thought.code}`)
  if (events.text().split('\n\n').length !== 11) figures.wrong.push(`the stream was cut: ${events.text()}`)
  if ((dripped.json() as { length: number }).length !== 80) figures.wrong.push(`the upload was cut: ${dripped.text()}`)
  figures.load += 3
  return figures
}

export interface ReuseOptions {
  readonly calls: number
}

export async function connectionReuse({ calls }: ReuseOptions): Promise<Figures> {
  const figures = new Figures('J-12 connection reuse')
  await using around = await world()
  const clients = 64
  const connections = keepAlive(clients)
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < calls) {
      const n = next++
      const reply = await around.call(`/n/${n}`, { connections })
      if (reply.status === 200) figures.load++
      else figures.wrong.push(`call ${n} → ${reply.status}`)
    }
  }
  await Promise.all(Array.from({ length: clients }, worker))
  connections.destroy()
  figures.notes.push(`${around.upstream.accepts} connections for ${calls} calls`)
  if (around.upstream.accepts > clients) figures.wrong.push(`${around.upstream.accepts} upstream connections`)
  await noSharing(around, figures)
  return figures
}

/** B-02. A connection is never used for two credentials. */
async function noSharing(around: World, figures: Figures): Promise<void> {
  const other = await furnish(around.gateway, {
    name: 'v',
    origins: [around.upstream.origin],
    secret: 'secret-of-another',
  })
  for (let n = 0; n < 50; n++) {
    await around.call('/n')
    await around.call('/n', { service: 'v', token: other.token })
  }
  const byConnection = new Map<number, Set<string>>()
  for (const { connection, headers } of around.upstream.receipts) {
    const seen = byConnection.get(connection) ?? new Set()
    byConnection.set(connection, seen.add(String(headers.get('authorization'))))
  }
  for (const [n, seen] of byConnection)
    if (seen.size > 1) figures.leaked.push(`connection ${n} carried two credentials`)
}
