import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What a port of the peer does to the connections it relays. */
export type Mode =
  | { readonly kind: 'pass' }
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'rate'; readonly bytesPerSecond: number }
  | { readonly kind: 'reset-after'; readonly bytes: number }
  | { readonly kind: 'half-close' }
  | { readonly kind: 'blackhole' }
  | { readonly kind: 'corrupt'; readonly every: number }

/** A TCP relay that harms what passes: one listening port per mode, all to the same target. */
export class ChaosPeer {
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #target: number

  constructor(targetPort: number) {
    this.#target = targetPort
  }

  /** Opens a port in this mode and gives its number. */
  async open(mode: Mode): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (client) => this.#relay(client, mode))
    this.#servers.push(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    for (const server of this.#servers) {
      server.close()
      await once(server, 'close')
    }
  }

  #relay(client: Socket, mode: Mode): void {
    this.#keep(client)
    if (mode.kind === 'blackhole') return void client.resume()
    const target = this.#keep(connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true }))
    client.pipe(target)
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
    if (mode.kind === 'half-close')
      return void target.once('data', (chunk: Buffer) => client.end(chunk.subarray(0, 10)))
    let passed = 0
    let last = Promise.resolve()
    target.on('data', (chunk: Buffer) => {
      target.pause()
      last = last.then(() => harm(mode, chunk, passed, client)).then(() => void target.resume())
      passed += chunk.length
    })
    target.on('end', () => void last.then(() => client.end()))
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#sockets.delete(socket))
    return socket
  }
}

async function harm(mode: Mode, chunk: Buffer, passed: number, client: Socket): Promise<void> {
  if (mode.kind === 'delay') await sleep(mode.ms)
  if (mode.kind === 'reset-after' && passed + chunk.length > mode.bytes) {
    client.write(chunk.subarray(0, Math.max(0, mode.bytes - passed)), () => client.resetAndDestroy())
    return
  }
  if (mode.kind === 'rate') return trickle(chunk, mode.bytesPerSecond, client)
  if (mode.kind === 'corrupt') {
    const harmed = Buffer.from(chunk)
    for (let at = mode.every - (passed % mode.every) - 1; at < harmed.length; at += mode.every) harmed[at]! ^= 0x20
    return void client.write(harmed)
  }
  client.write(chunk)
}

async function trickle(chunk: Buffer, bytesPerSecond: number, client: Socket): Promise<void> {
  const piece = Math.max(1, Math.floor(bytesPerSecond / 10))
  for (let at = 0; at < chunk.length && !client.destroyed; at += piece) {
    client.write(chunk.subarray(at, at + piece))
    await sleep(100)
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

export interface Unanswering {
  readonly port: number
  close(): Promise<void>
}

/** A port on which no SYN is answered: a stopped process listens there and its queue of connections is full. */
export async function unanswering(): Promise<Unanswering> {
  const program = `require('net').createServer().listen({port:0,host:'127.0.0.1',backlog:1},function(){console.log(this.address().port)})`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const port = Number(line.toString())
  child.kill('SIGSTOP')
  const fillers = await fill(port)
  return {
    port,
    close: async () => {
      for (const socket of fillers) socket.destroy()
      const gone = once(child, 'close')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Connects until one connection stays unanswered. */
async function fill(port: number): Promise<Socket[]> {
  const sockets: Socket[] = []
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    sockets.push(socket)
    const answered = await Promise.race([once(socket, 'connect').then(() => true), sleep(300).then(() => false)])
    if (!answered) return sockets
    if (sockets.length > 64) throw new Error('the queue of connections does not fill')
  }
}
