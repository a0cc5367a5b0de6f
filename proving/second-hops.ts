// Other people's HTTP readers between the gateway and its upstream: what they make of our output must be what we meant.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { heldPort } from '../test/instruments/held-port.ts'

export interface Hop {
  readonly origin: string
  close(): Promise<void>
}

/** A reader, and how to start it on `port` in front of `upstream`. Undefined where it is not installed. */
export const hops: Readonly<Record<string, (upstream: number) => Promise<Hop | undefined>>> = {
  nginx: (upstream) => program(upstream, 'nginx', nginxArguments),
  haproxy: (upstream) => program(upstream, 'haproxy', haproxyArguments),
  python: (upstream) => program(upstream, 'python3', pythonArguments),
  node: nodeHop,
}

type Arguments = (folder: string, port: number, upstream: number) => string[]

async function program(upstream: number, command: string, argumentsFor: Arguments): Promise<Hop | undefined> {
  if (spawnSync('sh', ['-c', `command -v ${command}`]).status !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'claviger-hop-'))
  const held = await heldPort()
  const { port } = held
  const child = spawn(command, argumentsFor(folder, port, upstream), {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  child.stderr!.resume()
  await answers(port, child)
  return {
    origin: `http://127.0.0.1:${port}`,
    close: async () => {
      const gone = once(child, 'close')
      child.kill('SIGKILL')
      await gone
      held[Symbol.dispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const nginxArguments: Arguments = (folder, port, upstream) => {
  const file = join(folder, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; master_process off; pid ${folder}/pid; error_log /dev/null; events {}
     http { access_log off; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
       uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; large_client_header_buffers 4 64k; client_max_body_size 0;
       upstream u { server 127.0.0.1:${upstream}; keepalive 16; }
       server { listen 127.0.0.1:${port}; merge_slashes off; underscores_in_headers on;
         location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection "";
           proxy_set_header Host $http_host; proxy_request_buffering off; } } }`,
  )
  return ['-p', folder, '-c', file]
}

const haproxyArguments: Arguments = (folder, port, upstream) => {
  const file = join(folder, 'haproxy.cfg')
  writeFileSync(
    file,
    `defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 20s
frontend f
  bind 127.0.0.1:${port}
  default_backend b
backend b
  server s 127.0.0.1:${upstream}
`,
  )
  return ['-db', '-f', file]
}

/** http.server in front of http.client: a reader written by others, a relay written here. */
const pythonArguments: Arguments = (_folder, port, upstream) => [
  '-c',
  `
import http.client, http.server
class Relay(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def relay(self):
        if 'chunked' in self.headers.get('transfer-encoding', ''):
            body = b''
            while True:
                size = int(self.rfile.readline().split(b';')[0], 16)
                piece = self.rfile.read(size)
                self.rfile.readline()
                body += piece
                if size == 0: break
        else:
            body = self.rfile.read(int(self.headers.get('content-length', 0)))
        up = http.client.HTTPConnection('127.0.0.1', ${upstream})
        up.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in ('transfer-encoding', 'content-length', 'connection'): up.putheader(name, value)
        up.putheader('content-length', str(len(body)))
        up.endheaders(body)
        answer = up.getresponse()
        data = answer.read()
        self.send_response_only(answer.status, answer.reason)
        self.send_header('content-length', str(len(data)))
        self.end_headers()
        if self.command != 'HEAD': self.wfile.write(data)
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = relay
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(('127.0.0.1', ${port}), Relay).serve_forever()
`,
]

async function nodeHop(upstream: number): Promise<Hop> {
  const server = createServer({ maxHeaderSize: 1 << 18 }, (incoming, response) => {
    const { method, url, rawHeaders } = incoming
    const onward = request({
      port: upstream,
      host: '127.0.0.1',
      method,
      path: url,
      headers: rawHeaders,
      setHost: false,
    })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`the second hop ended with ${child.exitCode}`)
    const socket = connect(port, '127.0.0.1')
    const up = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (up) return
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
  throw new Error('the second hop does not listen')
}
