// Both ends of many streams of events, in one process so that both read one clock: `node event-load.ts FILE`, where FILE
// holds the Streams as JSON. Says `listening PORT`, waits for a line on stdin that holds the URL and the header to use,
// measures, and prints the Delays; then waits for the next.
import { readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { Pool } from 'undici'

export interface Streams {
  readonly streams: number
  /** Of each stream, per second. */
  readonly events: number
  readonly seconds: number
}

export interface Delays {
  /** From the event's write to its arrival, milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly events: number
  /** Streams that did not open, or ended. */
  readonly failed: number
}

const { streams, events, seconds } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Streams
const open = new Set<ServerResponse>()
const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  response.flushHeaders()
  open.add(response)
  response.once('close', () => open.delete(response))
})

/** Each stream at its own moment of the tenth of a second, as streams of different models are. */
function send(delays: () => boolean): NodeJS.Timeout[] {
  const every = 1_000 / events
  return Array.from(open, (response, at) =>
    setTimeout(
      () => {
        const timer = setInterval(() => {
          if (!delays()) clearInterval(timer)
          else response.write(`data: {"at":${performance.now()},"delta":"${'x'.repeat(40)}"}\n\n`)
        }, every)
      },
      (at * every) / streams,
    ),
  )
}

async function measured(url: string, authorization: string): Promise<Delays> {
  const delays: number[] = []
  let failed = 0
  let running = true
  const { origin, pathname } = new URL(url)
  const client = new Pool(origin, { connections: streams, bodyTimeout: 0 })
  const ends = Array.from({ length: streams }, async () => {
    try {
      const answer = await client.request({ path: pathname, method: 'GET', headers: { authorization } })
      if (answer.statusCode !== 200) throw new Error(String(answer.statusCode))
      let text = ''
      for await (const chunk of answer.body) {
        text += chunk
        const now = performance.now()
        for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
          delays.push(now - Number(/"at":([\d.]+)/.exec(text)?.[1]))
          text = text.slice(end + 2)
        }
      }
      if (running) failed += 1
    } catch {
      if (running) failed += 1
    }
  })
  while (open.size + failed < streams) await new Promise((resolve) => setTimeout(resolve, 20))
  send(() => running)
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  running = false
  for (const response of open) response.end()
  await Promise.all(ends)
  await client.destroy()
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99), events: sorted.length, failed }
}

server.listen(0, '127.0.0.1', 1_024, () => {
  process.stdout.write(`listening ${(server.address() as AddressInfo).port}\n`)
})
for await (const line of createInterface({ input: process.stdin })) {
  const { url, authorization } = JSON.parse(line) as { url: string; authorization: string }
  process.stdout.write(`${JSON.stringify(await measured(url, authorization))}\n`)
}
process.exit(0)
