import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CREDENTIAL, ended, LOAD_CORE, PROXY_CORE, pinned, type Subject } from './subject.ts'

/** The upstream: answers 321 bytes when the real credential is there, and 401 otherwise, so that a wrong run shows. */
export async function startUpstream(port: number): Promise<Subject> {
  const body = 'x'.repeat(321)
  return start(
    'upstream',
    LOAD_CORE,
    port,
    [],
    (listen) => `
    server {
      ${listen}
      location / {
        default_type application/json;
        if ($http_authorization != "Bearer ${CREDENTIAL}") { return 401 "no credential"; }
        return 200 "${body}";
      }
    }`,
  )
}

/** The reference: `proxy_pass` with keep-alive that adds one header. No authentication, no policy, no log. */
export async function startNginx(port: number, upstreamPort: number): Promise<Subject> {
  return start(
    'nginx',
    PROXY_CORE,
    port,
    [],
    (listen) => `
    upstream origin { server 127.0.0.1:${upstreamPort}; keepalive 256; keepalive_requests 1000000000; }
    server {
      ${listen}
      location / {
        proxy_pass http://origin;
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
  port: number,
  headers: readonly string[],
  servers: (listen: string) => string,
): Promise<Subject> {
  const home = mkdtempSync(join(tmpdir(), `claviger-bench-${name}-`))
  mkdirSync(join(home, 'tmp'))
  const file = join(home, 'nginx.conf')
  writeFileSync(
    file,
    `
daemon off; master_process off; worker_processes 1; pid ${home}/pid; error_log /dev/null crit;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s;
  client_body_temp_path ${home}/tmp; proxy_temp_path ${home}/tmp; fastcgi_temp_path ${home}/tmp;
  uwsgi_temp_path ${home}/tmp; scgi_temp_path ${home}/tmp;
  ${servers(`listen 127.0.0.1:${port} backlog=4096;`)}
}`,
  )
  const child = pinned(core, 'nginx', ['-c', file, '-p', home])
  await reachable(port)
  return {
    name,
    url: `http://127.0.0.1:${port}/v1/items`,
    headers,
    pids: [child.pid as number],
    stop: async () => {
      await ended(child)
      rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Waits until something accepts on the port; throws after five seconds. */
export async function reachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
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
