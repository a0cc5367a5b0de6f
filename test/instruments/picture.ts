import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Everything below a folder: names, modes, inodes, times of change, and hashes of what files hold. */
export function picture(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(
    names.map((name) => {
      const stat = lstatSync(join(root, name), { bigint: true })
      const hash = stat.isFile()
        ? createHash('sha256')
            .update(readFileSync(join(root, name)))
            .digest('hex')
        : ''
      return [name, `${stat.mode.toString(8)} ${stat.ino} ${stat.mtimeNs} ${stat.ctimeNs} ${hash}`]
    }),
  )
}
