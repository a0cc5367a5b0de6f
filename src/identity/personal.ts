// What names a person lies sealed in the agent's row: a leaked database says nobody's address. In memory it is plain.
import type { Secret } from '../ground/secret.ts'
import type { AgentRow } from './store.ts'

/** Seals under the vault's root key, for one purpose. Throws Problem `vault_sealed`, `room_key_damaged`. */
export interface PersonalBox {
  seal(purpose: string, bytes: Uint8Array): Buffer
  open(purpose: string, sealed: Uint8Array): Secret
}

/** An agent's row as it is stored: `personal` in the place of what names somebody. */
export type StoredAgentRow = Omit<AgentRow, 'email' | 'label'> & { readonly personal?: Uint8Array | null }

const purposeOf = (id: string) => `agent/${id}`

export function sealAgent(box: PersonalBox, { email, label, ...row }: AgentRow): StoredAgentRow {
  if (email == null && label == null) return { ...row, personal: null }
  const bytes = Buffer.from(JSON.stringify({ email: email ?? null, label: label ?? null }))
  return { ...row, personal: box.seal(purposeOf(row.id), bytes) }
}

export function openAgent(box: PersonalBox, { personal, ...row }: StoredAgentRow): AgentRow {
  if (personal == null) return row
  const { email, label } = JSON.parse(box.open(purposeOf(row.id), personal).reveal().toString('utf8'))
  return { ...row, email, label }
}
