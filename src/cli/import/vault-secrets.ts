// The secrets of an installation of agentic-credential-vault that can be read: those of `MASTER_SECRETS_JSON`.

import { isSecretRef } from '../../doors/agentvault/check-form.ts'
import { Secret } from '../../ground/secret.ts'
import { type JsonValue, parseStrictJson } from '../../ground/strict-json.ts'
import { cliProblem } from '../problems.ts'
import type { assignmentsIn } from './find-in-env.ts'

export const MASTER = 'MASTER_SECRETS_JSON'

export type DotEnvValue = Pick<ReturnType<typeof assignmentsIn>[number], 'value' | 'unclear'>

export interface VaultSecrets {
  readonly byRef: ReadonlyMap<string, Secret>
  /** References that cannot be taken over, with the reason. */
  readonly bad: readonly (readonly [ref: string, why: string])[]
}

/** What the environment says goes before the file, as it did there. Throws Problem `vault_file_damaged`, which repeats nothing. */
export function masterSecrets(said: string | undefined, file: DotEnvValue | undefined): VaultSecrets {
  const text = said || file?.value
  if (text === undefined || text === '') return { byRef: new Map(), bad: [] }
  if (!said && file?.unclear !== undefined) throw damaged(`${MASTER} in .env: ${file.unclear}`)
  const byRef = new Map<string, Secret>()
  const bad: [string, string][] = []
  for (const [ref, value] of Object.entries(objectIn(text))) {
    if (!isSecretRef(ref)) bad.push([ref, 'no credential can have this reference'])
    else if (typeof value !== 'string' || value === '') bad.push([ref, 'its secret is no text'])
    else byRef.set(ref, Secret.fromText(value))
  }
  return { byRef, bad }
}

function objectIn(text: string): { readonly [ref: string]: JsonValue } {
  let read: JsonValue
  try {
    read = parseStrictJson(Buffer.from(text, 'utf8'))
  } catch {
    throw damaged(`${MASTER} is no JSON`)
  }
  if (typeof read === 'object' && read !== null && !Array.isArray(read)) return read
  throw damaged(`${MASTER} is no object of references and secrets`)
}

function damaged(detail: string) {
  return cliProblem('vault_file_damaged', { detail: `${detail}.`, hint: 'Set it in the environment of the command.' })
}
