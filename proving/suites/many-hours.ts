// J-11 at its full length: an upload of a quarter of an hour and a stream of over two hours, by a clock of the gateway's process
// that runs thirty times as fast; and a thousand streams at once.
import { existsSync } from 'node:fs'
import { Agent } from 'node:http'
import { Readable } from 'node:stream'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { Figures, sleep } from '../figures.ts'
import { residentMiB } from './resident.ts'

const FAKETIME = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const FASTER = 30

export interface HoursOptions {
  /** By the gateway's clock. */
  readonly uploadMinutes: number
  readonly streamMinutes: number
}

export async function hours({ uploadMinutes, streamMinutes }: HoursOptions): Promise<Figures> {
  const name = 'J-11 hours'
  if (!existsSync(FAKETIME))
    return Figures.skip(name, 'libfaketime is not installed (Debian: apt-get install faketime)')
  const figures = new Figures(name)
  await using around = await world({ env: { LD_PRELOAD: FAKETIME, FAKETIME: `+0 x${FASTER}` } })
  // A word a minute: half of what the idle limit of two minutes lets pass.
  const pause = 60_000 / FASTER
  const words = (minutes: number) => Math.max(2, Math.ceil(minutes))
  around.upstream.on('events', async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let n = 0; n < words(streamMinutes); n++) {
      response.write(`data: ${n}\n\n`)
      await sleep(pause)
    }
    response.end()
  })
  const dripping = async function* (): AsyncGenerator<Buffer> {
    for (let n = 0; n < words(uploadMinutes); n++) {
      yield Buffer.from('a word\n')
      await sleep(pause)
    }
  }
  const [events, dripped] = await Promise.all([
    around.call('/events'),
    around.call('/digest', { method: 'POST', body: Readable.from(dripping()) }),
  ])
  const heard = events.text().split('\n\n').length - 1
  if (heard !== words(streamMinutes)) figures.wrong.push(`the stream was cut after ${heard} minutes`)
  const { length } = dripped.json() as { length?: number }
  if (length !== words(uploadMinutes) * 7) figures.wrong.push(`the upload was cut: ${dripped.text()}`)
  figures.load += 2
  figures.notes.push(`an upload of ${uploadMinutes} minutes and a stream of ${streamMinutes}, by the gateway's clock`)
  return figures
}

export interface ManyStreamsOptions {
  readonly streams: number
  readonly seconds: number
}

/** As many streams at once as two agents may have together: each is sent every event, and nothing is kept. */
export async function manyStreams({ streams, seconds }: ManyStreamsOptions): Promise<Figures> {
  const figures = new Figures('J-11 many streams')
  await using around = await world()
  const other = await furnish(around.gateway, {
    name: 'v',
    origins: [around.upstream.origin],
    secret: 'another-secret',
  })
  let open = 0
  let go: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    go = resolve
  })
  around.upstream.on('events', async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    open += 1
    if (open === streams) go()
    await all
    for (let n = 0; n < seconds; n++) {
      response.write(`data: ${n}\n\n`)
      await sleep(1_000)
    }
    response.end()
  })
  const before = residentMiB(around.gateway.pid).now
  const connections = new Agent({ maxSockets: streams })
  const replies = await Promise.all(
    Array.from({ length: streams }, (_, n) => one(around, n % 2 === 0 ? {} : other, connections)),
  )
  for (const { status, text } of replies) {
    if (status === 200 && text.split('\n\n').length === seconds + 1) figures.load++
    else figures.wrong.push(`a stream ended with ${status}: ${text.slice(-60)}`)
  }
  connections.destroy()
  const grown = residentMiB(around.gateway.pid).peak - before
  figures.notes.push(`${streams} streams at once; resident memory grew by ${grown.toFixed(0)} MiB at most`)
  return figures
}

async function one(around: World, { token }: { readonly token?: string }, connections: Agent) {
  const of = token === undefined ? {} : { service: 'v', token }
  const reply = await around.call('/events', { ...of, connections })
  return { status: reply.status, text: reply.text() }
}
