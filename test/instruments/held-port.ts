import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'

export interface HeldPort extends Disposable {
  readonly port: number
}

/**
 * A port for whoever is told of it, also while nobody listens there. A connection of ours stands on it, so the kernel gives
 * it to none that asks for any port; a server that names it may listen beside, as both take addresses that are in use
 * (SO_REUSEADDR).
 */
export async function heldPort(): Promise<HeldPort> {
  const server = createServer((socket) => void socket.on('error', () => {}).unref())
  await once(server.unref().listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', localPort: 0 })
  await once(socket, 'connect')
  socket.on('error', () => {}).unref()
  return {
    port: socket.localPort as number,
    [Symbol.dispose]: () => {
      socket.destroy()
      server.close()
    },
  }
}
