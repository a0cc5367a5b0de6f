import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { reachable } from './nginx.ts'
import { CREDENTIAL, ended, PROXY_CORE, pinned, type Subject } from './subject.ts'

const PACKAGE = '@portkey-ai/gateway@1.15.2'

/**
 * The Portkey gateway from npm, which is installed once, outside of the project, as it is a peer and no part of this. It is given the
 * credential by the client, and decides and records nothing. Resolves to why there is none where there is none.
 */
export async function startPortkey(port: number, upstreamPort: number): Promise<Subject | string> {
  const folder = join(homedir(), '.cache', 'claviger-bench', 'portkey')
  const server = join(folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js')
  try {
    if (!existsSync(server)) install(folder)
  } catch {
    return `${PACKAGE} could not be installed from npm`
  }
  const child = pinned(PROXY_CORE, process.execPath, [server, `--port=${port}`, '--headless'], {
    NODE_ENV: 'production',
  })
  child.stdout?.resume()
  await reachable(port, 30_000)
  return {
    name: 'portkey',
    url: `http://127.0.0.1:${port}/v1/chat/completions`,
    headers: [
      `Authorization: Bearer ${CREDENTIAL}`,
      'x-portkey-provider: openai',
      `x-portkey-custom-host: http://127.0.0.1:${upstreamPort}/v1`,
    ],
    pids: [child.pid as number],
    stop: () => ended(child),
  }
}

function install(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund', PACKAGE]
  execFileSync('npm', args, { stdio: 'ignore', timeout: 120_000 })
}
