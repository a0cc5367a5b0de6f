import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CREDENTIAL, ended, LOAD_CORE, PROXY_CORE, pinned, type Subject } from './subject.ts'

/** Files in PEM that a server shows. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
}

/**
 * The upstream: answers `body` when the real credential is there, and 401 otherwise, so that a wrong run shows. With a
 * certificate, over TLS.
 */
export async function startUpstream(
  port: number,
  { shown, body = 'x'.repeat(321) }: { readonly shown?: ServerCertificate; readonly body?: string } = {},
): Promise<Subject> {
  return start(
    'upstream',
    LOAD_CORE,
    { port, shown },
    (listen) => `
    server {
      ${listen}
      location / {
        default_type application/json;
        if ($http_authorization != "Bearer ${CREDENTIAL}") { return 401 "no credential"; }
        return 200 '${body}';
      }
    }`,
  )
}

/** The reference: `proxy_pass` with keep-alive that adds one header, over TLS on both sides if it has a certificate. No authentication, no policy, no log. */
export async function startNginx(port: number, upstreamPort: number, shown?: ServerCertificate): Promise<Subject> {
  const scheme = shown === undefined ? 'http' : 'https'
  return start(
    'nginx',
    PROXY_CORE,
    { port, shown },
    (listen) => `
    upstream origin { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
    server {
      ${listen}
      location / {
        proxy_pass ${scheme}://origin;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Authorization "Bearer ${CREDENTIAL}";
      }
    }`,
  )
}

/** Straight to the upstream with the credential in hand: what no proxy can beat. */
export function direct(upstreamPort: number): Subject {
  return {
    name: 'direct',
    url: `http://127.0.0.1:${upstreamPort}/v1/items`,
    headers: [`Authorization: Bearer ${CREDENTIAL}`],
    pids: [],
    stop: async () => {},
  }
}

async function start(
  name: string,
  core: string,
  { port, shown }: { readonly port: number; readonly shown: ServerCertificate | undefined },
  servers: (listen: string) => string,
): Promise<Subject> {
  const home = mkdtempSync(join(tmpdir(), `claviger-bench-${name}-`))
  mkdirSync(join(home, 'tmp'))
  const file = join(home, 'nginx.conf')
  const secure = shown === undefined ? '' : `ssl_certificate ${shown.cert}; ssl_certificate_key ${shown.key};`
  const listen = `listen 127.0.0.1:${port}${shown === undefined ? '' : ' ssl'} backlog=4096; ${secure}`
  writeFileSync(
    file,
    `
daemon off; master_process off; worker_processes 1; pid ${home}/pid; error_log /dev/null crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path ${home}/tmp; proxy_temp_path ${home}/tmp; fastcgi_temp_path ${home}/tmp;
  uwsgi_temp_path ${home}/tmp; scgi_temp_path ${home}/tmp;
  ${servers(listen)}
}`,
  )
  const child = pinned(core, 'nginx', ['-c', file, '-p', home])
  await reachable(port)
  return {
    name,
    url: `${shown === undefined ? 'http' : 'https'}://127.0.0.1:${port}/v1/items`,
    headers: [],
    pids: [child.pid as number],
    stop: async () => {
      await ended(child)
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Waits until something accepts on the port; throws after `patienceMs`. */
export async function reachable(port: number, patienceMs = 5_000): Promise<void> {
  for (let attempt = 0; attempt < patienceMs / 50; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      socket.once('error', () => resolve(false))
    })
    if (open) return
    await sleep(50)
  }
  throw new Error(`nothing listens on ${port}`)
}
