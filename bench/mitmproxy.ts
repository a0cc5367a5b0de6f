import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reachable } from './nginx.ts'
import { CREDENTIAL, ended, PROXY_CORE, pinned, type Subject } from './subject.ts'

/**
 * mitmproxy, which adds the credential by a script: the nearest that Debian has to the gateway's proxy. `authority`: whom it
 * trusts upstream, a file in PEM. Resolves to why there is none where there is none.
 */
export async function startMitmproxy(port: number, authority: string): Promise<Subject | string> {
  const home = mkdtempSync(join(tmpdir(), 'claviger-bench-mitmproxy-'))
  const args = ['--listen-host', '127.0.0.1', '--listen-port', String(port), '--quiet', '--set', `confdir=${home}`]
  const script = ['-s', join(import.meta.dirname, 'subjects', 'inject.py')]
  const trust = [
    '--set',
    `ssl_verify_upstream_trusted_ca=${authority}`,
    '--set',
    'flow_detail=0',
    '--set',
    'http2=false',
  ]
  const child = pinned(PROXY_CORE, 'mitmdump', [...args, ...script, ...trust], { BENCH_CREDENTIAL: CREDENTIAL })
  try {
    await reachable(port, 30_000)
  } catch {
    await ended(child)
    rmSync(home, { recursive: true, force: true })
    return 'mitmproxy is not installed, or does not start (Debian: apt-get install mitmproxy)'
  }
  return {
    name: 'mitmproxy',
    url: `http://127.0.0.1:${port}/`,
    headers: [],
    pids: [child.pid as number],
    stop: async () => {
      await ended(child)
      rmSync(home, { recursive: true, force: true })
    },
  }
}
