/** The only file here that speaks SQL. */
import type { Storage } from '../../storage/storage.ts'
import type { Place } from './place.ts'

interface PlaceRow {
  readonly agent: string
  readonly network: string
  readonly first_at: number
  readonly last_at: number
  readonly country: string | null
  readonly latitude: number | null
  readonly longitude: number | null
  readonly radius_km: number | null
}

/** Of one agent, the newest last. */
export async function readPlaces(storage: Storage, agent: string): Promise<Place[]> {
  const rows = await storage.read((db) =>
    db.selectFrom('sign_in_places').selectAll().where('agent', '=', agent).orderBy('last_at').execute(),
  )
  return (rows as PlaceRow[]).map(placeOf)
}

export interface KeptPlaces {
  readonly agent: string
  readonly places: readonly Place[]
  /** Networks that are remembered no longer. */
  readonly dropped: readonly string[]
}

/** In one transaction. */
export async function keepPlaces(storage: Storage, kept: readonly KeptPlaces[]): Promise<void> {
  await storage.write(async ({ db }) => {
    for (const { agent, places, dropped } of kept) {
      for (const place of places) {
        const { agent: _, network: __, ...values } = rowOf(agent, place)
        const insert = db.insertInto('sign_in_places').values(rowOf(agent, place))
        await insert.onConflict((conflict) => conflict.columns(['agent', 'network']).doUpdateSet(values)).execute()
      }
      for (const network of dropped) {
        await db.deleteFrom('sign_in_places').where('agent', '=', agent).where('network', '=', network).execute()
      }
    }
  })
}

/** Resolves to how many there were. */
export async function erasePlaces(storage: Storage, agent: string): Promise<number> {
  return storage.write(async ({ db }) => {
    const [result] = await db.deleteFrom('sign_in_places').where('agent', '=', agent).execute()
    return Number(result?.numDeletedRows ?? 0)
  })
}

function rowOf(agent: string, { network, firstAt, lastAt, location }: Place): PlaceRow {
  return {
    agent,
    network,
    first_at: firstAt,
    last_at: lastAt,
    country: location?.country ?? null,
    latitude: location?.point?.latitude ?? null,
    longitude: location?.point?.longitude ?? null,
    radius_km: location?.point?.radiusKm ?? null,
  }
}

function placeOf(row: PlaceRow): Place {
  const { network, first_at: firstAt, last_at: lastAt, country, latitude, longitude, radius_km: radiusKm } = row
  const point = latitude === null || longitude === null ? undefined : { latitude, longitude, radiusKm: radiusKm ?? 0 }
  const location = country === null ? undefined : { country, ...(point && { point }) }
  return { network, firstAt, lastAt, location }
}
