// http-proxy-3, as a process of its own: `http-proxy.ts PORT UPSTREAM_PORT CREDENTIAL`. The library most Node proxies stand on.
import { Agent, createServer } from 'node:http'
import { createProxyServer } from 'http-proxy-3'

const [port, upstreamPort, credential] = process.argv.slice(2)
const proxy = createProxyServer({
  target: `http://127.0.0.1:${upstreamPort}`,
  agent: new Agent({ keepAlive: true, maxSockets: 256 }),
  headers: { authorization: `Bearer ${credential}` },
})
proxy.on('error', (_error, _request, response) => {
  response.destroy()
})
createServer((request, response) => {
  proxy.web(request, response)
}).listen(Number(port), '127.0.0.1', () => console.log('ready'))
