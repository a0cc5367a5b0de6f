import { NAME_PATTERN } from '../../identity/contract.ts'

/**
 * A name as agents have it here, made of one as people write it: lower case, dashes for the rest, and some of the key's
 * thumbprint where that is no name or is taken. What people wrote is kept beside it.
 */
export function agentName(text: string, thumbprint: string, isTaken: (name: string) => boolean): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, '-')
    .replaceAll(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
    .slice(0, 50)
    .replaceAll(/[^a-z0-9]+$/g, '')
  if (NAME_PATTERN.test(plain) && !isTaken(plain)) return plain
  const mark = thumbprint
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '')
    .slice(0, 12)
  return plain === '' || !NAME_PATTERN.test(`${plain}-${mark}`) ? `agent-${mark}` : `${plain}-${mark}`
}
