// The GeoIP database on the disk, for the room that looks into it and for `claviger doctor`.
import { readFile, stat } from 'node:fs/promises'
import { systemClock } from './ground/clock.ts'
import { type GeoFile, GeoIp, type GeoState } from './identity/sign-ins/geoip.ts'

/** A city database of everywhere is 120 MB. What is larger than this is no such file, and would fill the memory. */
const MOST_BYTES = 1_073_741_824

/** The file at `path`, if one is configured. */
export function geoFile(path: string | undefined): GeoFile | undefined {
  if (path === undefined) return undefined
  return {
    stamp: async () => {
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined
        throw error
      })
      // A pipe would be waited for.
      if (found?.isFile() === false) throw new TypeError('the GeoIP file is not a plain file')
      return found && `${found.ino} ${found.size} ${found.mtimeMs}`
    },
    read: async () => {
      const { size } = await stat(path)
      if (size > MOST_BYTES) throw new RangeError('the GeoIP file is too large')
      return await readFile(path)
    },
  }
}

/** What a start would make of the file. */
export async function lookAtGeoFile(path: string | undefined): Promise<GeoState> {
  const geo = new GeoIp(geoFile(path), systemClock)
  await geo.refresh()
  return geo.state
}
