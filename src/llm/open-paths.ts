import { compileTemplate, type PathTemplate } from '../ground/path-template.ts'
import type { Target } from '../ground/target.ts'
import type { LlmApi } from './contract.ts'
import { defaultPaths } from './default-paths.ts'

interface OpenPath {
  /** Undefined: any. */
  readonly method: string | undefined
  readonly template: PathTemplate
}

/** A list of paths, compiled. Throws Problem `template_invalid`. */
export class OpenPaths {
  readonly #paths: readonly OpenPath[]

  constructor(texts: readonly string[]) {
    this.#paths = texts.map(compiled)
  }

  /** Nothing is open that reads in two ways: a segment with `%2F` or `;` is opened by no default. */
  has(method: string, target: Target): boolean {
    const asked = method === 'HEAD' ? 'GET' : method
    return this.#paths.some((path) => (path.method ?? asked) === asked && path.template.matches(target))
  }
}

/** `GET /files/*`: whatever lies below, and more than one segment of it. */
function compiled(text: string): OpenPath {
  const space = text.indexOf(' ')
  const path = space < 0 ? text : text.slice(space + 1)
  const template = compileTemplate(path.replace(/\/\*$/, '/{+rest}'))
  return { method: space < 0 ? undefined : text.slice(0, space), template }
}

const byApi = new Map(Object.entries(defaultPaths).map(([api, texts]) => [api, new OpenPaths(texts)]))

/** What is open to everybody. */
export const openToAll = (api: LlmApi): OpenPaths => byApi.get(api) as OpenPaths
