import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { connect } from 'node:tls'

export interface HelloOptions {
  readonly servername?: string
  readonly minVersion?: 'TLSv1.2'
  readonly maxVersion?: 'TLSv1.2'
}

/** What node:tls says first: one record. */
export async function hello(options: HelloOptions): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const came = once(server, 'connection') as Promise<[Socket]>
  const client = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ...options })
  client.on('error', () => {})
  const [socket] = await came
  let said = Buffer.alloc(0)
  while (said.length < 5 || said.length < 5 + said.readUInt16BE(3))
    said = Buffer.concat([said, ((await once(socket, 'data')) as [Buffer])[0]])
  client.destroy()
  socket.destroy()
  server.close()
  return said
}

/** The message in records of `size` bytes each. */
export function records(message: Buffer, size: number): Buffer {
  const all: Buffer[] = []
  for (let at = 0; at < message.length; at += size) {
    const piece = message.subarray(at, at + size)
    all.push(Buffer.from([22, 3, 1, piece.length >> 8, piece.length & 255]), piece)
  }
  return Buffer.concat(all)
}

/** A hello, in one record, with these extensions and no others. */
export function helloWith(...extensions: readonly Buffer[]): Buffer {
  const all = Buffer.concat(extensions)
  const body = Buffer.concat([
    Buffer.from([3, 3, ...new Array<number>(32).fill(7), 0, 0, 2, 0x13, 1, 1, 0, all.length >> 8, all.length & 255]),
    all,
  ])
  const message = Buffer.concat([Buffer.from([1, 0, body.length >> 8, body.length & 255]), body])
  return records(message, message.length)
}

export function extension(type: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 255, data.length >> 8, data.length & 255]), data])
}

/** The extension server_name, with these names in its list. */
export function serverNames(...names: readonly string[]): Buffer {
  const list = Buffer.concat(names.flatMap((name) => [Buffer.from([0, 0, name.length]), Buffer.from(name)]))
  return extension(0, Buffer.concat([Buffer.from([list.length >> 8, list.length & 255]), list]))
}
