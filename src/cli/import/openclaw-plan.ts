// The plan by which OpenClaw itself puts references into stores that nobody else may write: `openclaw secrets apply`.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Found } from './found.ts'
import { journalFolder } from './journal.ts'
import type { Step } from './plan.ts'
import { variableOf } from './reference-variable.ts'

/** Which member of which agent's profile a secret is in. */
export interface ProfileTarget {
  readonly agentId: string
  readonly profile: string
  readonly provider: string
  readonly type: 'api_key' | 'token'
}

/** A reference to a variable of the process, in OpenClaw's words: this provider is there without being configured. */
export function variableRef(handle: string): { source: 'env'; provider: 'default'; id: string } {
  return { source: 'env', provider: 'default', id: variableOf(handle) }
}

/** Undefined where there is nothing that OpenClaw must do. */
export function applyPlan(
  steps: readonly Step[],
  targetOf: (found: Found) => readonly ProfileTarget[],
): object | undefined {
  const targets = steps.flatMap(({ handle, places }) =>
    handle === undefined ? [] : places.flatMap((found) => targetOf(found).map((target) => targetFor(target, handle))),
  )
  return targets.length === 0 ? undefined : { version: 1, protocolVersion: 1, targets }
}

function targetFor({ agentId, profile, provider, type }: ProfileTarget, handle: string): object {
  const member = type === 'token' ? 'token' : 'key'
  return {
    type: `auth-profiles.${type}.${member}`,
    path: `profiles.${profile}.${member}`,
    pathSegments: ['profiles', profile, member],
    agentId,
    authProfileProvider: provider,
    ref: variableRef(handle),
  }
}

/** Beside the journal; it holds no secret. Gives its path. */
export function writePlan(home: string, journal: string, plan: object): string {
  const path = join(journalFolder(home), `${journal}.openclaw-plan.json`)
  writeFileSync(path, `${JSON.stringify(plan, null, 2)}\n`, { mode: 0o600 })
  return path
}
