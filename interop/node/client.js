// A client of the snapshots example, made of google-gax as Google's generator
// makes clients.
import {join} from 'node:path';

import gax from 'google-gax';

import {root} from './server.js';

// Nobody looks for the credentials of a machine in Google's cloud.
process.env.METADATA_SERVER_DETECTION = 'none';

const service = 'examples.snapshots.v1.Snapshots';

// The methods, and what their operations hold.
const methods = {
  createVolume: {response: 'Volume', metadata: 'VolumeMetadata'},
  takeSnapshot: {response: 'TakeSnapshotResponse', metadata: 'TakeSnapshotMetadata'},
};

// What the generator writes into a client's *_client_config.json.
const config = {
  interfaces: {
    [service]: {
      retry_codes: {non_idempotent: []},
      retry_params: {
        default: {
          initial_retry_delay_millis: 100,
          retry_delay_multiplier: 1.3,
          max_retry_delay_millis: 60000,
          initial_rpc_timeout_millis: 60000,
          rpc_timeout_multiplier: 1,
          max_rpc_timeout_millis: 60000,
          total_timeout_millis: 600000,
        },
      },
      methods: Object.fromEntries(
        ['CreateVolume', 'TakeSnapshot'].map(name => [
          name,
          {timeout_millis: 60000, retry_codes_name: 'non_idempotent', retry_params_name: 'default'},
        ])
      ),
    },
  },
};

// Users set this to poll more often than once in a minute.
const polling = gax.createBackoffSettings(100, 1, 100, null, null, null, 60000);

// connect answers a client of the server until the test ends. Each method
// answers a promise of a gax.Operation.
export async function connect(t, {host, port}) {
  const protos = new gax.GoogleProtoFilesRoot().loadSync(
    join(root, 'examples', 'snapshots', 'snapshotspb', 'snapshots.proto')
  );
  const options = {servicePath: host, port, sslCreds: gax.grpc.credentials.createInsecure()};
  const auth = new gax.GoogleAuth();
  const gaxGrpc = new gax.GrpcClient({auth, grpc: gax.grpc});
  const operations = gax.lro({auth, grpc: gax.grpc}).operationsClient(options);
  const stub = await gaxGrpc.createStub(
    gaxGrpc.loadProtoJSON(protos.toJSON()).examples.snapshots.v1.Snapshots,
    {...options}
  );
  t.after(() => {
    stub.close();
    operations.close();
  });

  const defaults = gaxGrpc.constructSettings(service, config, {}, {'x-goog-api-client': 'interop'});
  const client = {operations, descriptors: {}};
  for (const [name, {response, metadata}] of Object.entries(methods)) {
    const decoder = type => {
      const found = protos.lookupType(`examples.snapshots.v1.${type}`);
      return found.decode.bind(found);
    };
    client.descriptors[name] = new gax.LongrunningDescriptor(operations, decoder(response), decoder(metadata));
    const call = gax.createApiCall(
      Promise.resolve((...args) => stub[name](...args)),
      defaults[name],
      client.descriptors[name]
    );
    client[name] = async request => {
      const [operation] = await call(request, {longrunning: polling});
      return operation;
    };
  }
  // What the generator calls checkTakeSnapshotProgress.
  client.resume = async name => {
    const [operation] = await operations.getOperation({name});
    return gax.operation(operation, client.descriptors.takeSnapshot, polling);
  };
  return client;
}
