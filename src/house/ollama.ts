// The service that `OLLAMA_UPSTREAM` names. Its name is resolved once, here, and what it meant is what is dialled: an address
// stands in the service in the name's place, and by https the name stays, which its certificate has to prove.
import { isIP } from 'node:net'
import { isLocalhost } from '../ground/inside-names.ts'
import { createAskNames } from '../http/ask-names.ts'
import { createHostsFile } from '../http/hosts-file.ts'
import type { Rooms } from '../rooms.ts'
import type { Service } from '../services/contract.ts'
import type { Actor } from '../storage/storage.ts'

const OLLAMA = 'ollama'
const SYSTEM: Actor = { kind: 'system', id: 'llm' }
const TIMEOUTS = { connectMs: 10_000, headersMs: 600_000, idleMs: 600_000 }

/** What cannot be resolved is logged, and the service stays as it was. */
export async function ollamaService({ services, log }: Rooms, upstream: string): Promise<void> {
  const url = new URL(upstream)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const address = await addressOf(host)
  if (address === undefined) {
    log.error({ name: 'OLLAMA_UPSTREAM' }, 'its name does not resolve: the vendor ollama stays as it was')
    return
  }
  const written = isIP(address) === 6 ? `[${address}]` : address
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  const origin = url.protocol === 'https:' ? `${upstream}` : `http://${written}:${port}`
  const known = services.byName(OLLAMA)
  if (known !== undefined && isAs(known, origin, address)) return
  const isHere = address.startsWith('127.') || address === '::1'
  const plain = url.protocol === 'http:' && !isHere && { unsafePlainHttp: true }
  const input = {
    name: OLLAMA,
    template: OLLAMA,
    origins: [origin],
    addresses: [address],
    timeouts: TIMEOUTS,
    ...plain,
  }
  if (known === undefined) await services.add(input, SYSTEM)
  else await services.replace(OLLAMA, input, SYSTEM)
}

function isAs({ view }: Service, origin: string, address: string): boolean {
  return view.origins.length === 1 && view.origins[0] === origin && view.addresses?.join() === address
}

async function addressOf(host: string): Promise<string | undefined> {
  if (isIP(host) !== 0) return host
  if (isLocalhost(host)) return '127.0.0.1'
  const [inFile] = await createHostsFile().addresses(host)
  if (inFile !== undefined) return inFile
  const { addresses } = await createAskNames()(host).catch(() => ({ addresses: [] as string[] }))
  return addresses[0]
}
