import { type RecordWithTtl, Resolver } from 'node:dns'

/** One answer of the name system, in the order to try. `ttl` in seconds. */
export interface NameAnswer {
  readonly addresses: readonly string[]
  readonly ttl: number
}

/** Asks the name system. Rejects, or answers without addresses, where there is none. */
export type AskNames = (host: string) => Promise<NameAnswer>

type Records = readonly RecordWithTtl[]

const SECOND_FAMILY_MS = 250
const MAX_TTL_S = 30

/** c-ares: no thread pool, no search domains. IPv4 goes first, and IPv6 is not waited for much longer. */
export function createAskNames(cares = new Resolver({ timeout: 900, tries: 2 })): AskNames {
  return async (host) => {
    const six = asked((done) => cares.resolve6(host, { ttl: true }, done)).catch((): Records => [])
    const four = asked((done) => cares.resolve4(host, { ttl: true }, done))
    const first = await four.catch(async (error): Promise<Records> => {
      if ((await six).length === 0) throw error
      return []
    })
    const records = [...first, ...(first.length === 0 ? await six : await soon(six))]
    const ttl = records.reduce((least, record) => Math.min(least, record.ttl), MAX_TTL_S)
    return { addresses: records.map((record) => record.address), ttl }
  }
}

function asked(query: (done: (error: Error | null, records: RecordWithTtl[]) => void) => void): Promise<Records> {
  return new Promise((resolve, reject) => {
    query((error, records) => (error === null ? resolve(records) : reject(error)))
  })
}

async function soon(records: Promise<Records>): Promise<Records> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Records>((resolve) => {
    timer = setTimeout(() => resolve([]), SECOND_FAMILY_MS)
  })
  try {
    return await Promise.race([records, late])
  } finally {
    clearTimeout(timer)
  }
}
