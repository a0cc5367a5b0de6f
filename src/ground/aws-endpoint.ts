/** What the host of an AWS endpoint says: the region, and the name that its service has in signatures (SigV4). */
export interface AwsEndpoint {
  readonly region: string
  readonly service: string
}

const SUFFIX = /\.(?:amazonaws\.com(?:\.cn)?|api\.aws|on\.aws)$/
const REGION = /^[a-z]{2}(?:-[a-z]+)+-\d$/
const OLD_S3 = /^s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)$/

/** Endpoints without a region are signed for this one. */
const HOME = 'us-east-1'
const GLOBAL: ReadonlySet<string> = new Set([
  'budgets',
  'ce',
  'cloudfront',
  'iam',
  'organizations',
  'route53',
  's3',
  'sts',
])

/** Where signatures have another name than the host. */
const SIGNED_AS: Readonly<Record<string, string>> = {
  'bedrock-agent': 'bedrock',
  'bedrock-agent-runtime': 'bedrock',
  'bedrock-runtime': 'bedrock',
  email: 'ses',
  'lambda-url': 'lambda',
}

/** Undefined for a host that says neither. `host` is in lower case, without a port. */
export function awsEndpoint(host: string): AwsEndpoint | undefined {
  if (!SUFFIX.test(host)) return undefined
  const labels = host.replace(SUFFIX, '').split('.')
  const old = OLD_S3.exec(labels.at(-1)!)
  if (old !== null) return { region: old[1]!, service: 's3' }
  const at = labels.findLastIndex((label) => REGION.test(label))
  if (at < 0) {
    const service = named(labels.at(-1)!)
    return GLOBAL.has(service) ? { region: HOME, service } : undefined
  }
  // bucket.s3.dualstack.us-east-1, and the other way round for some: domain.us-east-1.es
  const before = labels.slice(0, at).filter((label) => label !== 'dualstack')
  const service = at < labels.length - 1 ? labels.at(-1) : before.at(-1)
  return service === undefined ? undefined : { region: labels[at]!, service: named(service) }
}

function named(label: string): string {
  const plain = label.replace(/-fips$/, '')
  return Object.hasOwn(SIGNED_AS, plain) ? SIGNED_AS[plain]! : plain
}
