// The files in a home folder in which programs keep keys, and who reads each.
import { join } from 'node:path'
import { Problem } from '../../ground/problem.ts'
import type { Around } from './around.ts'
import { findInAws } from './find-in-aws.ts'
import { findInDocker } from './find-in-docker.ts'
import { findInGh } from './find-in-gh.ts'
import { findInNetrc } from './find-in-netrc.ts'
import { findInNpmrc } from './find-in-npmrc.ts'
import type { Findings, Remark } from './found.ts'
import { readEach } from './read-each.ts'
import type { Source } from './read-source.ts'

type Reader = (source: Source, around: Around) => Findings | Promise<Findings>

const readers: readonly (readonly [path: string, reader: Reader])[] = [
  ['.config/gh/hosts.yml', findInGh],
  ['.npmrc', findInNpmrc],
  ['.netrc', findInNetrc],
  ['_netrc', findInNetrc],
  ['.aws/credentials', findInAws],
  ['.aws/config', findInAws],
  ['.docker/config.json', findInDocker],
]

/** Files that are not there are not spoken of; what cannot be read or understood is, and the rest goes on. */
export async function findInDotfiles(home: string, around: Around): Promise<Findings> {
  const each: Findings[] = []
  for (const [path, reader] of readers) {
    const { sources, remarks } = readEach([join(home, path)], { wanted: false })
    each.push({ found: [], remarks })
    for (const source of sources) each.push(await read(source, reader, around))
  }
  return { found: each.flatMap(({ found }) => found), remarks: each.flatMap(({ remarks }) => remarks) }
}

async function read(source: Source, reader: Reader, around: Around): Promise<Findings> {
  try {
    return await reader(source, around)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const remark: Remark = { file: source.path, why: error.detail ?? error.title, failed: true }
    return { found: [], remarks: [remark] }
  }
}
