import { startTestBucket } from '../../support/bucket.ts';
import { bucketContract } from '../../support/bucket-contract.ts';

bucketContract('the embedded bucket', startTestBucket, { listsUploads: false });
