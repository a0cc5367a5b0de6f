// A service by HTTPS that records what it is sent, with a certificate that somebody's authority made.
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Issued } from './certificates.ts'

export interface Sent {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface TlsUpstream {
  readonly port: number
  readonly sent: Sent[]
  close(): Promise<void>
}

/** Answers `{"hello":"<url>"}`, and `/stream` with an event now and nothing more. */
export async function tlsUpstream({ cert, key }: Issued, ecdhCurve = 'auto'): Promise<TlsUpstream> {
  const sent: Sent[] = []
  const pem = { cert: readFileSync(cert), key: readFileSync(key) }
  const server = createServer({ ...pem, ecdhCurve }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      sent.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      if (url === '/stream') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        response.write('data: now\n\n')
        return
      }
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ hello: url }))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    sent,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A service by TLS, HTTP/1.1 alone, that answers each request with these bytes, whatever they are. */
export async function rawTlsUpstream(
  { cert, key }: Issued,
  answerTo: (path: string) => string,
): Promise<Pick<TlsUpstream, 'port' | 'close'>> {
  const open = new Set<Socket>()
  const shown = { cert: readFileSync(cert), key: readFileSync(key), ALPNProtocols: ['http/1.1'] }
  const server = createTlsServer(shown, (socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    socket.on('data', (bytes: Buffer) => socket.write(answerTo(bytes.toString('latin1').split(' ')[1] ?? ''), 'latin1'))
  })
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
