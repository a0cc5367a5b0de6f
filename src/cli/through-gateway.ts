// The environment of a command whose ways lead through the gateway: proxy, whom to trust, git, the command line itself.
import { join } from 'node:path'
import { gitSettings } from './git-settings.ts'
import { proxied } from './run-environment.ts'

export interface GatewayPlace {
  /** Of the gateway, as the command reaches it. */
  readonly url: string
  readonly token: string
  /** File with the certificate to trust, as the command sees it. */
  readonly ca: string
  /** Of services that the agent was given. */
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
}

const PROGRAMS = join(import.meta.dirname, '..', '..', 'bin')
const PROGRAM = join(PROGRAMS, 'claviger.js')
const PRELOADED = `--require=${quotedOption(join(PROGRAMS, 'agents-ask-proxy.cjs'))}`

/** `removed`: names of variables that hold secrets. */
export function throughGateway(
  base: NodeJS.ProcessEnv,
  { url, token, ca, hosts, origins }: GatewayPlace,
  removed: readonly string[],
): NodeJS.ProcessEnv {
  const helper = [process.execPath, '--', PROGRAM, 'git-credential']
  return {
    ...proxied(base, { proxy: proxyUrl(url, token), ca, hosts }, removed),
    NODE_OPTIONS: base.NODE_OPTIONS ? `${base.NODE_OPTIONS} ${PRELOADED}` : PRELOADED,
    ...gitSettings(base, { gateway: url, origins, ca, helper }),
    // For `claviger call` and git's helper: what it has for the proxy already.
    CLAVIGER_URL: url,
    CLAVIGER_TOKEN: token,
  }
}

/** As Node reads it: what has spaces stands in quotes. */
function quotedOption(path: string): string {
  return /^[\w./:-]+$/.test(path) ? path : JSON.stringify(path)
}

function proxyUrl(url: string, token: string): string {
  const proxy = new URL(url)
  // Some clients send nothing for a user without a password.
  proxy.username = 'claviger'
  proxy.password = token
  return proxy.href.replace(/\/$/, '')
}
