import type { Found } from './finding.ts'
import type { GeoPoint } from './geoip.ts'
import type { Place, Sighting } from './place.ts'

const HOUR_MS = 3_600_000
/** About as fast as an airliner. */
const MOST_KMH = 900
/** Databases move addresses about by less than this. */
const LEAST_KM = 100
const EARTH_KM = 6_371

/** Another country than that of the previous success within the hour (contract clawauth.md §6). `timeDelta` is in seconds. */
export function geographicAnomaly(previous: Place | undefined, seen: Sighting): Found | undefined {
  const [before, now] = [previous?.location?.country, seen.location?.country]
  if (previous === undefined || before === undefined || now === undefined || before === now) return undefined
  const passedMs = Math.max(0, seen.at - previous.lastAt)
  if (passedMs > HOUR_MS) return undefined
  return {
    type: 'geographic_anomaly',
    riskScore: 8.5,
    details: { previousLocation: before, currentLocation: now, timeDelta: Math.round(passedMs / 1_000) },
    about: `${before} ${now}`,
  }
}

/** Further from the previous success than anybody travels in that time, both accuracies granted. */
export function impossibleTravel(previous: Place | undefined, seen: Sighting): Found | undefined {
  const [before, now] = [previous?.location, seen.location]
  if (previous === undefined || before?.point === undefined || now?.point === undefined) return undefined
  const km = distanceKm(before.point, now.point) - before.point.radiusKm - now.point.radiusKm
  const passedMs = Math.max(1_000, seen.at - previous.lastAt)
  const speedKmh = km / (passedMs / HOUR_MS)
  if (km < LEAST_KM || speedKmh <= MOST_KMH) return undefined
  return {
    type: 'impossible_travel',
    riskScore: 8,
    details: {
      previousLocation: before.country,
      currentLocation: now.country,
      timeDelta: Math.round(passedMs / 1_000),
      distanceKm: Math.round(km),
      speedKmh: Math.round(speedKmh),
    },
    about: `${previous.network} ${seen.network}`,
  }
}

/** Great circle (haversine). */
export function distanceKm(a: GeoPoint, b: GeoPoint): number {
  const rad = Math.PI / 180
  const half = (from: number, to: number) => Math.sin(((to - from) * rad) / 2) ** 2
  const flat = Math.cos(a.latitude * rad) * Math.cos(b.latitude * rad)
  const chord = half(a.latitude, b.latitude) + flat * half(a.longitude, b.longitude)
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(chord)))
}
