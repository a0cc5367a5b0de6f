// What a new home gets: an operator token, and a demo service with an agent that may call it.

import { randomBytes } from 'node:crypto'
import type { Grants } from './grants/grants.ts'
import { base62 } from './ground/base62.ts'
import type { Clock } from './ground/clock.ts'
import { Secret } from './ground/secret.ts'
import type { Identity } from './identity/identity.ts'
import type { Services } from './services/services.ts'
import type { Actor } from './storage/storage.ts'
import type { Vault } from './vault/vault.ts'

/** Secrets of the first start, printed once and kept by nobody. */
export interface FirstRun {
  readonly operatorToken: string
  /** A line for a shell that makes a first call; undefined without the demo. */
  readonly try?: string
}

export interface FirstRunParts {
  readonly identity: Identity
  readonly services: Services
  readonly grants: Grants
  readonly vault: Vault
  readonly clock: Clock
}

const by: Actor = { kind: 'system', id: 'first-run' }
const DEMO_TOKEN_LIFE_MS = 7 * 24 * 3_600_000

/** Makes the operator and, where a demo upstream runs on `demoPort`, everything that a first call needs. */
export async function firstRun(
  parts: FirstRunParts,
  demoPort: number | undefined,
  url: () => string,
): Promise<FirstRun> {
  const { token } = await parts.identity.resetOperatorToken(by)
  const operatorToken = textOf(token)
  if (demoPort === undefined) return { operatorToken }
  const demoToken = await addDemo(parts, demoPort)
  return { operatorToken, try: `curl -H 'Authorization: Bearer ${demoToken}' ${url()}/to/demo/hello` }
}

async function addDemo({ identity, services, grants, vault }: FirstRunParts, port: number): Promise<string> {
  const service = await services.add(
    { name: 'demo', template: 'demo', origins: [`http://127.0.0.1:${port}`], addresses: ['127.0.0.1'] },
    by,
  )
  const secret = Secret.fromText(`demo-key-${base62(randomBytes(16), 22)}`)
  const credential = await vault.store(
    { handle: 'demo-key', service: service.id, origins: service.originHrefs, secret },
    by,
  )
  secret.wipe()
  const agent = await identity.addAgent('demo', by)
  await grants.add({ agent: agent.id, service, scopes: ['demo:*'], credentials: [credential] }, by)
  const { token } = await identity.issueToken({ agent: agent.id, lifeMs: DEMO_TOKEN_LIFE_MS, label: 'first call' }, by)
  return textOf(token)
}

function textOf(token: Secret): string {
  const text = token.reveal().toString('ascii')
  token.wipe()
  return text
}
