import { createHash } from 'node:crypto'
import type { AddressInfo } from 'node:net'

/** Not imported, for what that would load: see http/listen.ts. */
const { createServer } = process.getBuiltinModule('node:http')

export interface Demo {
  readonly port: number
  close(): Promise<void>
}

/**
 * The built-in demo service: a real upstream on a loopback port of its own, which wants a key like any other API and
 * tells what it saw. It gives back the key's digest, never the key, and the first call can be made without an account.
 * Listens on `port`, or on a free one when that is 0 or taken.
 */
export async function startDemo(port: number): Promise<Demo> {
  const server = createServer((request, response) => {
    const authorization = request.headers.authorization
    const seen =
      authorization === undefined ? 'none' : createHash('sha256').update(authorization).digest('hex').slice(0, 16)
    const status = authorization === undefined ? 401 : 200
    const json = JSON.stringify({
      message:
        status === 200 ? 'The call arrived with a credential that its caller never held.' : 'This service wants a key.',
      method: request.method,
      path: request.url,
      credential: { seen: status === 200, sha256Prefix: seen },
    })
    const body = `${json}\n`
    request.resume()
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) })
    response.end(body)
  })
  server.keepAliveTimeout = 60_000
  await listen(server, port).catch(() => listen(server, 0))
  server.unref()
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
