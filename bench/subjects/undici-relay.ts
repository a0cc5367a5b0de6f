// Bare undici forwarding, as a process of its own: `undici-relay.ts PORT UPSTREAM_PORT CREDENTIAL`.
// The least that a Node proxy does: no token, no policy, no log, no scrubbing; one header added, the answer streamed back.
import { createServer } from 'node:http'
import { Pool } from 'undici'

const [port, upstreamPort, credential] = process.argv.slice(2)
const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: 256 })

const server = createServer((request, response) => {
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD'
  pool.dispatch(
    {
      path: request.url ?? '/',
      method: request.method as 'GET',
      headers: { authorization: `Bearer ${credential}` },
      body: hasBody ? request : null,
    },
    {
      onRequestStart() {},
      onResponseStart(_controller, status, headers) {
        response.writeHead(status, headers as Record<string, string>)
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) {
          controller.pause()
          response.once('drain', () => controller.resume())
        }
      },
      onResponseEnd() {
        response.end()
      },
      onResponseError() {
        response.destroy()
      },
    },
  )
})
server.listen(Number(port), '127.0.0.1', () => console.log('ready'))
