// Where an installation of OpenClaw keeps its things (its rules: environment before defaults, `.clawdbot` if that is all there is).
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

export interface OpenClawPlace {
  readonly state: string
  readonly config: string
  readonly credentials: string
  /** Agent id → its folder. */
  readonly agents: ReadonlyMap<string, string>
  /** Files of NAME=value lines that OpenClaw reads itself. */
  readonly envFiles: readonly string[]
}

type Env = Readonly<Record<string, string | undefined>>

/** `folder` is the state folder; without it the environment says where it is, as it says it to OpenClaw. */
export function openClawPlace(folder: string | undefined, env: Env): OpenClawPlace {
  const home = expanded(set(env, 'OPENCLAW_HOME') ?? set(env, 'HOME') ?? homedir(), env)
  const state = folder === undefined ? stateOf(home, env) : resolve(folder)
  // What was said about another installation is not said about a folder that was named.
  const own = folder === undefined ? env : {}
  const config =
    set(own, 'OPENCLAW_CONFIG_PATH') ?? firstThere([join(state, 'openclaw.json'), join(state, 'clawdbot.json')])
  const main = set(own, 'OPENCLAW_AGENT_DIR')
  return {
    state,
    config: expanded(config, env),
    credentials: expanded(set(own, 'OPENCLAW_OAUTH_DIR') ?? join(state, 'credentials'), env),
    agents: new Map([...agentsBelow(join(state, 'agents')), ...(main ? [['main', expanded(main, env)] as const] : [])]),
    envFiles: [
      join(state, '.env'),
      ...(folder === undefined ? [join(home, '.config', 'openclaw', 'gateway.env')] : []),
    ],
  }
}

function stateOf(home: string, env: Env): string {
  const said = set(env, 'OPENCLAW_STATE_DIR')
  if (said !== undefined) return expanded(said, env)
  const profile = set(env, 'OPENCLAW_PROFILE')
  if (profile !== undefined) return join(home, `.openclaw-${profile}`)
  return firstThere([join(home, '.openclaw'), join(home, '.clawdbot')])
}

/** The first if none is there. */
function firstThere(paths: readonly string[]): string {
  return paths.find((path) => existsSync(path)) ?? paths[0]!
}

/** Blank, `undefined` and `null` count as not set. */
function set(env: Env, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === undefined || ['', 'undefined', 'null'].includes(value) ? undefined : value
}

function expanded(path: string, env: Env): string {
  return resolve(path.replace(/^~(?=\/|$)/, set(env, 'HOME') ?? homedir()))
}

function agentsBelow(folder: string): [string, string][] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return names.map(({ name }) => [name, join(folder, name, 'agent')])
}
