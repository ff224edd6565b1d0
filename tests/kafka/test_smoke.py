"""The real servers are there, keep what they were given, and survive a kill with their data."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import NewTopic
from redis import Redis

from tests.kafka.conftest import NewTopicCall
from tests.kafka.server import KafkaServer, admin_client
from workers.settings import Settings, kafka_client_kwargs


async def test_records_keep_partition_key_headers_and_commits(
    settings: Settings, new_topic: NewTopicCall, run_id: str
) -> None:
    topic = await new_topic("events", 3)
    servers = kafka_client_kwargs(settings)
    producer = AIOKafkaProducer(**servers, enable_idempotence=True)
    consumer = AIOKafkaConsumer(
        topic,
        **servers,
        group_id=run_id,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    async with producer, consumer:
        await producer.send_and_wait(
            topic, b"value", key=b"key", partition=2, headers=[("name", b"header")]
        )
        record: ConsumerRecord[bytes, bytes] = await consumer.getone()
        assert (record.partition, record.offset, record.key) == (2, 0, b"key")
        assert (record.value, record.headers) == (b"value", (("name", b"header"),))
        await consumer.commit({TopicPartition(topic, 2): 1})
        assert await consumer.committed(TopicPartition(topic, 2)) == 1


def test_the_store_persists_and_never_evicts(redis_url: str) -> None:
    with Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.timeout(180)
async def test_a_cluster_of_three_loses_a_broker_and_nothing_else(tmp_path: Path) -> None:
    with KafkaServer(tmp_path, brokers=3) as server:
        async with admin_client(server.bootstrap) as admin:
            await admin.create_topics([NewTopic("events", 3, 3)])
        async with AIOKafkaProducer(bootstrap_servers=server.bootstrap, acks="all") as producer:
            for partition in range(3):
                await producer.send_and_wait("events", b"before", partition=partition)
            server.brokers[0].kill()
            for partition in range(3):
                await producer.send_and_wait("events", b"while", partition=partition)
            server.brokers[0].start()
            server.brokers[0].wait()
        partitions = [TopicPartition("events", number) for number in range(3)]
        async with AIOKafkaConsumer(bootstrap_servers=server.bootstrap) as consumer:
            consumer.assign(partitions)
            assert set((await consumer.end_offsets(partitions)).values()) == {2}
