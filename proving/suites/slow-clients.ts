// J-02 and J-05. Clients that send a byte now and then, bodies that never end, readers that never read, and bodies that
// are hard to read: a proper client is served all the while.
import { connect, type Socket } from 'node:net'
import { hostileBodies } from '../../test/generators/bodies.ts'
import { furnish, type World, world } from '../../test/instruments/world.ts'
import { Figures, percentile, sleep } from '../figures.ts'

export interface SlowOptions {
  readonly connections: number
  readonly forMs: number
  /** Whether the proper client's 99th percentile is judged: < 250 ms. */
  readonly timed: boolean
}

export async function slowClients({ connections, forMs, timed }: SlowOptions): Promise<Figures> {
  const figures = new Figures('J-02 slow clients')
  await using around = await world()
  // Of another agent: what one agent holds open counts against itself, and its own calls are refused first.
  const { token } = await furnish(around.gateway, {
    name: 'w',
    origins: [around.upstream.origin],
    secret: 'slow-secret',
  })
  const sockets = Array.from({ length: connections }, (_, n) => slow(around, token, n))
  figures.inputs = connections
  const times: number[] = []
  for (const until = performance.now() + forMs; performance.now() < until; ) {
    const from = performance.now()
    const reply = await around.call('/n').catch(() => undefined)
    times.push(performance.now() - from)
    if (reply?.status === 200) figures.load++
    else figures.wrong.push(`a proper call got ${reply?.status} ${reply?.code}`)
    await sleep(5)
  }
  if (figures.load === 0) figures.wrong.push('no proper call was answered')
  const p99 = percentile(times, 0.99)
  figures.notes.push(`proper calls p99 ${p99.toFixed(1)} ms beside ${connections} slow connections`)
  if (timed && p99 > 250) figures.wrong.push(`proper calls took ${p99.toFixed(0)} ms`)
  // A head must be complete within 10 s; the sweep that cuts it runs every 2 s.
  const dripping = sockets.filter((socket, n) => n % 3 === 0 && !socket.destroyed).length
  if (forMs > 20_000 && dripping > 0) figures.wrong.push(`${dripping} heads were still awaited after ${forMs} ms`)
  for (const socket of sockets) socket.destroy()
  return figures
}

/** By turns: a head that drips, a body that drips, an answer that is never read. */
function slow({ gateway }: World, token: string, n: number): Socket {
  const socket = connect(gateway.port, '127.0.0.1')
  socket.on('error', () => undefined)
  const head = `Host: 127.0.0.1:${gateway.port}\r\nAuthorization: Bearer ${token}\r\n`
  if (n % 3 === 2) {
    socket.write(`GET /to/w/bytes/50000000 HTTP/1.1\r\n${head}\r\n`)
    socket.pause()
    return socket
  }
  if (n % 3 === 1) socket.write(`POST /to/w/digest HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n`)
  const timer = setInterval(() => socket.write(n % 3 === 1 ? '.' : 'G'), 1_000)
  socket.on('close', () => clearInterval(timer))
  return socket
}

export interface HardOptions {
  readonly bodies: number
  readonly seed: number
  /** Whether the delay of other calls is judged: p99 < 20 ms. */
  readonly timed: boolean
}

/** J-05. 64 KiB hostile bodies to everything that reads JSON, and what a call beside them waits. */
export async function hardBodies({ bodies, seed, timed }: HardOptions): Promise<Figures> {
  const figures = new Figures('J-05 hard bodies')
  await using around = await world()
  const valid = '{"service":"u","method":"GET","path":"/n"}'
  const list = hostileBodies(seed, ['service', 'method', 'path', 'headers', 'query'], valid, bodies)
  const times: number[] = []
  let stop = false
  const probe = (async () => {
    while (!stop) {
      const from = performance.now()
      const reply = await around.gateway.agent('GET', '/health')
      times.push(performance.now() - from)
      if (reply.status !== 200) figures.wrong.push(`health got ${reply.status}`)
      await sleep(2)
    }
  })()
  for (const { name, type, bytes } of list) {
    for (const path of ['/claviger/v1/call', '/claviger/v1/explain']) {
      const headers = { authorization: `Bearer ${around.token}`, 'content-type': type }
      const reply = await around.gateway.agent('POST', path, { headers, body: bytes }).catch(() => undefined)
      figures.inputs++
      if (reply !== undefined && reply.status >= 500) figures.wrong.push(`${path} ${name} → ${reply.status}`)
    }
  }
  stop = true
  await probe
  const p99 = percentile(times, 0.99)
  figures.notes.push(`health p99 ${p99.toFixed(1)} ms beside ${figures.inputs} hard bodies, seed ${seed}`)
  if (timed && p99 > 20) figures.wrong.push(`health took ${p99.toFixed(1)} ms`)
  return figures
}
