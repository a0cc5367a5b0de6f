import { Problem } from '../../ground/problem.ts'
import type { Remark } from './found.ts'
import { isMissing, readSource, type Source } from './read-source.ts'

/** Reads what can be read, and says why of the rest. A file that is not `wanted` may be missing. */
export function readEach(
  paths: readonly string[],
  { wanted }: { readonly wanted: boolean },
): { sources: Source[]; remarks: Remark[] } {
  const sources: Source[] = []
  const remarks: Remark[] = []
  for (const path of paths) {
    try {
      const source = readSource(path)
      if (!sources.some((other) => other.path === source.path)) sources.push(source)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (wanted || !isMissing(error)) remarks.push({ file: path, why: error.detail ?? error.title, failed: true })
    }
  }
  return { sources, remarks }
}
