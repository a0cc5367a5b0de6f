// hosts.yml of the GitHub command line: `oauth_token` of each host and of each of its users.
import type { Pair, Scalar } from 'yaml'
import { Secret } from '../../ground/secret.ts'
import { cliProblem } from '../problems.ts'
import type { Around } from './around.ts'
import { type Edit, type Findings, type Found, lineAt, type Reference } from './found.ts'
import type { Source } from './read-source.ts'
import { isSecretValue } from './secret-looks.ts'

/** Throws Problem `file_unreadable` for what is no YAML. */
export async function findInGh(source: Source, { serviceAt }: Around): Promise<Findings> {
  const { isMap, isPair, isScalar, parseDocument, visit } = await import('yaml')
  const document = parseDocument(source.text, { keepSourceTokens: false, logLevel: 'silent' })
  if (document.errors.length > 0) throw cliProblem('file_unreadable', { detail: `${source.named} is not YAML.` })
  const found: Found[] = []
  visit(document, {
    Pair(_, pair, ancestors) {
      if (!isScalar(pair.key) || pair.key.value !== 'oauth_token') return
      const { value } = pair
      if (!isScalar(value) || typeof value.value !== 'string' || !isSecretValue(value.value)) return
      const names = ancestors.filter(isPair).map(({ key }) => (isScalar(key) ? String(key.value) : ''))
      const flow = ancestors.some((node) => isMap(node) && node.flow === true)
      found.push(foundAt(source, pair as Pair<Scalar, Scalar<string>>, names, flow, serviceAt(names[0] ?? '')))
    },
  })
  return { found, remarks: [] }
}

function foundAt(
  source: Source,
  pair: Pair<Scalar, Scalar<string>>,
  names: string[],
  flow: boolean,
  service: string,
): Found {
  const start = pair.key.range![0]
  const end = pair.value!.range![1]
  const secret = Secret.fromText(pair.value!.value)
  const rewrite = ({ handle, service: name }: Reference): readonly Edit[] => [
    { start, end, text: `# claviger: oauth_token is credential ${handle} of service ${name}` },
  ]
  const place = [...names, 'oauth_token'].join('.')
  const shared = { source, place, label: names.at(-1) ?? '', line: lineAt(source.text, start), secret, service }
  return flow ? { ...shared, stays: 'it stands among others on one line' } : { ...shared, rewrite }
}
