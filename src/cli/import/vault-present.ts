// What the gateway has, as far as an import from agentic-credential-vault wants to know. Asked by reads alone.
import type { GatewayClient } from '../client.ts'
import { journalIds, readJournal } from './journal.ts'
import type { KnownSecrets } from './known-secrets.ts'
import { journalState } from './undo.ts'

export interface VaultPresent {
  /** Undefined where no gateway answers: what is there already cannot be said then. */
  readonly known: KnownSecrets | undefined
  /** Services of the door, by name. */
  readonly services: ReadonlyMap<string, { readonly form: object; readonly secretConfigured: boolean }>
  /** Names of all services of the house. */
  readonly names: ReadonlySet<string>
  /** References whose secret is here. */
  readonly refs: ReadonlySet<string>
  /** Ids of agents by name; undefined where nobody could be asked. */
  readonly agents: ReadonlyMap<string, string> | undefined
  /** Revocations that hold for everybody: `kind value`, of an agent with its id. */
  readonly revoked: ReadonlySet<string>
  /** SHA-256 of logs that are on record. */
  readonly logs: ReadonlySet<string>
}

export const nothingOfVault: VaultPresent = {
  known: undefined,
  services: new Map(),
  names: new Set(),
  refs: new Set(),
  agents: undefined,
  revoked: new Set(),
  logs: new Set(),
}

export async function askVaultPresent(
  client: GatewayClient,
  known: KnownSecrets | undefined,
  home: string,
): Promise<VaultPresent> {
  const list = async (path: string) => (await client.ask({ method: 'GET', path })).items
  const [services, own] = [await list('/services'), await list('/agentvault/services')]
  const [credentials, agents] = [await list('/credentials'), await list('/agents')]
  const revocations = await list('/agentvault/revocations')
  // biome-ignore-start lint/suspicious/noExplicitAny: the shapes belong to the rooms
  return {
    known,
    services: new Map(own.map((one: any) => [one.service, one])),
    names: new Set(services.map(({ name }: any) => name)),
    refs: new Set(credentials.flatMap(({ meta }: any) => meta.agentvault ?? [])),
    agents: new Map(agents.map(({ name, id }: any) => [name, id])),
    revoked: new Set(
      revocations
        .filter(({ kind, agent }: any) => kind === 'agent' || agent === undefined)
        .map(({ kind, value }: any) => `${kind} ${value}`),
    ),
    logs: recordedLogs(home),
  }
  // biome-ignore-end lint/suspicious/noExplicitAny: as above
}

function recordedLogs(home: string): ReadonlySet<string> {
  const whole = journalIds(home).filter((id) => journalState(home, id) !== 'damaged')
  const lines = whole.flatMap((id) => readJournal(home, id).lines)
  return new Set(lines.flatMap((line) => ('recorded' in line ? [line.recorded] : [])))
}
