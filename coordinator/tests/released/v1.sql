-- What a coordinator of schema 1 wrote: a study that ended, and one under way with a failed attempt.
PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
CREATE TABLE cohort (
    study        INTEGER NOT NULL REFERENCES study (number),
    number       INTEGER NOT NULL,
    runs         TEXT    NOT NULL,              -- JSON: [[trial, fold], …] in member order
    final_epochs INTEGER,                       -- NULL for cohorts of the search
    state        TEXT    NOT NULL,              -- ready, leased, done, failed, split
    attempt      INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    done_attempt INTEGER,                       -- the attempt that brought the results; may be an older one
    worker       TEXT,
    slot         INTEGER,
    error        TEXT,
    PRIMARY KEY (study, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "cohort" VALUES(1,0,'[[0,0],[0,1]]',NULL,'done',1,0,1,'w',0,NULL);
INSERT INTO "cohort" VALUES(1,1,'[[1,0],[1,1]]',NULL,'done',1,0,1,'w',0,NULL);
INSERT INTO "cohort" VALUES(1,2,'[[1,2]]',2,'done',1,0,1,'w',0,NULL);
INSERT INTO "cohort" VALUES(2,0,'[[0,0],[0,1]]',NULL,'done',1,0,1,'w',0,NULL);
INSERT INTO "cohort" VALUES(2,1,'[[1,0],[1,1]]',NULL,'leased',2,1,NULL,'v',0,'died of signal 9');
INSERT INTO "cohort" VALUES(2,2,'[[2,0],[2,1]]',NULL,'ready',0,0,NULL,NULL,NULL,NULL);
CREATE TABLE refinery_schema_history(
             version int4 PRIMARY KEY,
             name VARCHAR(255),
             applied_on VARCHAR(255),
             checksum VARCHAR(255));
INSERT INTO "refinery_schema_history" VALUES(1,'studies','2026-11-21T13:21:21.312115203Z','10561892255183459117');
CREATE TABLE run (
    study          INTEGER NOT NULL REFERENCES study (number),
    trial          INTEGER NOT NULL,
    fold           INTEGER NOT NULL,            -- the final stage counts as the one after the last
    attempt        INTEGER NOT NULL,
    worker         TEXT    NOT NULL,
    outcome        TEXT    NOT NULL,            -- JSON
    weights_digest TEXT,
    device_model   TEXT    NOT NULL,
    software       TEXT    NOT NULL,
    PRIMARY KEY (study, trial, fold)
) STRICT, WITHOUT ROWID;
INSERT INTO "run" VALUES(1,0,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.6,"train_accuracy":0.4,"val_loss":0.6,"val_accuracy":0.4,"lr":0.1},{"epoch":2,"train_loss":0.5,"train_accuracy":0.5,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,0,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.599,"train_accuracy":0.401,"val_loss":0.599,"val_accuracy":0.401,"lr":0.1},{"epoch":2,"train_loss":0.499,"train_accuracy":0.501,"val_loss":0.499,"val_accuracy":0.501,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.59,"train_accuracy":0.41000000000000003,"val_loss":0.59,"val_accuracy":0.41000000000000003,"lr":0.1},{"epoch":2,"train_loss":0.49,"train_accuracy":0.51,"val_loss":0.49,"val_accuracy":0.51,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.589,"train_accuracy":0.41100000000000003,"val_loss":0.589,"val_accuracy":0.41100000000000003,"lr":0.1},{"epoch":2,"train_loss":0.489,"train_accuracy":0.511,"val_loss":0.489,"val_accuracy":0.511,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(1,1,2,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.588,"train_accuracy":0.41200000000000003,"val_loss":0.588,"val_accuracy":0.41200000000000003,"lr":0.1},{"epoch":2,"train_loss":0.488,"train_accuracy":0.512,"val_loss":0.488,"val_accuracy":0.512,"lr":0.1}],"seconds":1.0}','abababababababababababababababababababababababababababababababab','test','test');
INSERT INTO "run" VALUES(2,0,0,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.6,"train_accuracy":0.4,"val_loss":0.6,"val_accuracy":0.4,"lr":0.1},{"epoch":2,"train_loss":0.5,"train_accuracy":0.5,"val_loss":0.5,"val_accuracy":0.5,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
INSERT INTO "run" VALUES(2,0,1,1,'w','{"end":"finished","epochs":[{"epoch":1,"train_loss":0.599,"train_accuracy":0.401,"val_loss":0.599,"val_accuracy":0.401,"lr":0.1},{"epoch":2,"train_loss":0.499,"train_accuracy":0.501,"val_loss":0.499,"val_accuracy":0.501,"lr":0.1}],"seconds":1.0}',NULL,'test','test');
CREATE TABLE study (
    number          INTEGER PRIMARY KEY,
    request_id      TEXT    NOT NULL UNIQUE,
    spec_text       TEXT    NOT NULL,
    spec            TEXT    NOT NULL,           -- canonical JSON
    rows            TEXT    NOT NULL,           -- JSON: shape, classes, train_rows, test_rows
    sizes           TEXT    NOT NULL,           -- JSON: [[train, validation], …] by fold
    data_digest     TEXT    NOT NULL,
    folds_digest    TEXT    NOT NULL,
    created_unix_ms INTEGER NOT NULL,
    device          TEXT,                       -- NULL until planned
    ended_as        TEXT,                       -- NULL while it goes on
    ended_message   TEXT,
    ended_unix_ms   INTEGER
) STRICT;
INSERT INTO "study" VALUES(1,'one','name = "scene"
[data]
dataset = "fashion-mnist"
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010, 0.0020]
[plan]
width = 2
','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist"},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","shuffle":true,"common_random_numbers":true},"space":{"train.optimizer.lr":[0.001,0.002]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{"width":2}}','{"shape":[1,28,28],"classes":10,"train_rows":60000,"test_rows":10000}','[[30000,30000],[30000,30000]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','d0cf37fb24d95e018d00f2497023be8494720ddc6b639b96dba9084b9f7b9ba5',1000000,'cpu','succeeded','',1000000);
INSERT INTO "study" VALUES(2,'two','name = "scene"
[data]
dataset = "fashion-mnist"
[validation]
k_fold = { folds = 2 }
[network]
mlp = { hidden = [8] }
[train]
epochs = 2
batch_size = 100
optimizer = { kind = "sgd" }
[space]
"train.optimizer.lr" = [0.0010, 0.0020, 0.0030]
[plan]
width = 2
','{"name":"scene","seed":0,"data":{"dataset":"fashion-mnist"},"validation":{"k_fold":{"folds":2,"shuffle":true,"seed":0}},"network":{"mlp":{"hidden":[8],"activation":"relu","batch_norm":false,"dropout":0.0},"init":"pytorch"},"train":{"epochs":2,"batch_size":100,"optimizer":{"kind":"sgd","lr":0.001},"schedule":"constant","shuffle":true,"common_random_numbers":true},"space":{"train.optimizer.lr":[0.001,0.002,0.003]},"selection":{"epoch":"best","allow_failed_folds":false},"final":{},"limits":{"attempts":3},"plan":{"width":2}}','{"shape":[1,28,28],"classes":10,"train_rows":60000,"test_rows":10000}','[[30000,30000],[30000,30000]]','1c71512965f4449608c726e145754ccd64848df0f351fca2ffef207ec4953e45','d0cf37fb24d95e018d00f2497023be8494720ddc6b639b96dba9084b9f7b9ba5',1000000,'cpu',NULL,NULL,NULL);
COMMIT;
